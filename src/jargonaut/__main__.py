"""`python -m jargonaut`, and with it `torchrun -m jargonaut`."""

from jargonaut.cli import main

main()
