"""Registered versions in MLflow, for teams that look there.

Knows MLflow's client; it is imported when a version is logged. The registry stays the truth: nothing is read back, and
what MLflow refuses stops no run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from jargonaut.artifacts import content_hash
from jargonaut.errors import InputError, JargonautError, SettingsError, require_limits
from jargonaut.protocols import Reporter
from jargonaut.registry.comparison import flattened
from jargonaut.registry.versions import ModelVersion

_LONGEST = 6000
"""Characters of a parameter that MLflow takes."""
_AT_ONCE = 90
"""Parameters in one call; MLflow takes 100."""
_IDENTITY = "jargonaut.identity"


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """What a run may make live, and where registered versions are told besides the registry.

    Attributes:
        promote_by_hand: Whether only people make a tuned version live. A run whose candidate won then registers it and
            builds its index beside the live one; `jargonaut index shadow` shows what would change for searchers and
            `jargonaut index switch` makes it live. A base goes live by itself where nothing is, and follows its
            documents.
        mlflow: MLflow's tracking URI, `http://host:5000` or a folder such as `file:///srv/mlruns`: every registered
            version becomes a run there, with its metrics, options and lineage (`pip install 'jargonaut[mlflow]'`). Not
            set tells nobody.
        mlflow_experiment: The experiment that these runs belong to.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    promote_by_hand: bool = False
    mlflow: str | None = None
    mlflow_experiment: str = "jargonaut"

    def __post_init__(self) -> None:
        require_limits(
            "registry",
            self,
            [
                ("mlflow", self.mlflow is None or bool(self.mlflow.strip()), "a tracking URI, or not set"),
                ("mlflow_experiment", bool(self.mlflow_experiment.strip()), "a name"),
            ],
        )


def track_version(version: ModelVersion, options: RegistryOptions) -> str | None:
    """Logs a version as an MLflow run; the same version is logged once.

    Metrics keep their names but for `@`, which MLflow does not take: `nDCG@10` is `nDCG_at_10` there.

    Args:
        version: A registered version.
        options: Where.

    Returns:
        MLflow's run id; None when no URI is set.

    Raises:
        SettingsError: The extra is not installed.
        JargonautError: MLflow cannot be reached or refused.
    """
    if options.mlflow is None:
        return None
    if "://" not in options.mlflow or options.mlflow.startswith("file:"):
        # MLflow wants to be told that a folder is meant; whoever wrote its path here has told it.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise SettingsError(
            "MLflow is not installed", where="[registry] mlflow", remedy="pip install 'jargonaut[mlflow]'"
        ) from error
    try:
        return _logged(MlflowClient(tracking_uri=options.mlflow), version, options.mlflow_experiment)
    except (MlflowException, OSError) as error:
        raise JargonautError(
            f"MLflow did not take version {version.version!r} ({str(error).splitlines()[0]})",
            where=f"[registry] mlflow = {options.mlflow}",
            remedy="check the URI and its rights; the version itself is registered, and the next run tells it again",
        ) from error


def tell_mlflow(version: ModelVersion, options: RegistryOptions, reporter: Reporter) -> None:
    """Logs a version where that is wished; what was made does not fail because MLflow could not be told.

    Args:
        version: A registered version, of any kind.
        options: Where.
        reporter: Told that it was logged, or why not.
    """
    try:
        if track_version(version, options) is not None:
            reporter.line(f"  mlflow      {version.version} logged")
    except JargonautError as error:
        reporter.warn(str(error))


def _logged(client: Any, version: ModelVersion, experiment: str) -> str:
    from mlflow.entities import Metric, Param, RunTag

    found = client.get_experiment_by_name(experiment)
    place = found.experiment_id if found is not None else client.create_experiment(experiment)
    if found is not None and found.lifecycle_stage != "active":
        raise InputError(f"the experiment {experiment!r} was deleted in MLflow", where="[registry] mlflow_experiment")
    identity = content_hash(version.content_hash, version.fingerprint, version.run_id)
    known = client.search_runs([place], f"tags.`{_IDENTITY}` = '{identity}' and attributes.status = 'FINISHED'")
    if known:
        return str(known[0].info.run_id)
    tags = {"jargonaut.version": version.version, _IDENTITY: identity}
    run = str(client.create_run(place, run_name=version.version, tags=tags).info.run_id)
    described = {
        "name": version.name, "base": version.base, "content_hash": version.content_hash,
        "fingerprint": version.fingerprint, "dimension": version.dimension, "run_id": version.run_id,
        **dict(flattened(version.lineage)),
    }  # fmt: skip
    params = [Param(name, str(value)[:_LONGEST]) for name, value in described.items()]
    metrics = [Metric(name.replace("@", "_at_"), float(value), 0, 0) for name, value in version.metrics.items()]
    client.log_batch(run, metrics=metrics, tags=[RunTag("mlflow.note.content", version.name)])
    for start in range(0, len(params), _AT_ONCE):
        client.log_batch(run, params=params[start : start + _AT_ONCE])
    client.set_terminated(run)
    return run
