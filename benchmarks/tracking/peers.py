"""Each tracker behind the same few verbs, in its default local mode; import one only in an environment that has it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PARAMS = {f"p{number}": number * 0.5 for number in range(10)}
METRICS = {f"m{number}": number * 0.1 for number in range(10)}


def loss(step: int) -> float:
    """Return a value that looks like training."""
    return math.exp(-step / 3000.0) + 0.01 * math.sin(step)


class Peer:
    """A tracker at work in the folder ``work``."""

    def __init__(self, work: Path) -> None:
        self.work = work

    def start(self) -> None:
        raise NotImplementedError

    def log(self, step: int, value: float) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError

    def one_run(self, number: int) -> None:
        """Record a run of 10 params and 10 metrics."""
        raise NotImplementedError

    def search(self) -> Any:
        """Return all runs as a DataFrame, one row a run; None where there is no such thing."""
        return None

    def read_back(self) -> tuple[int, str]:
        """Return how many points there are, and the statuses of the runs."""
        raise NotImplementedError


class Mlm(Peer):
    """This package."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        os.environ["MLM_PROJECT"] = str(work)
        import mlm_jupyter

        self.mlm: Any = mlm_jupyter

    def start(self) -> None:
        self.mlm.start_run("bench")

    def log(self, step: int, value: float) -> None:
        self.mlm.log_metric("loss", value, step=step)

    def end(self) -> None:
        self.mlm.end_run()

    def one_run(self, number: int) -> None:
        self.start()
        self.mlm.log_params(PARAMS)
        self.mlm.log_metrics({key: value + number for key, value in METRICS.items()})
        self.end()

    def search(self) -> Any:
        return self.mlm.open_project().to_dataframe()

    def read_back(self) -> tuple[int, str]:
        project = self.mlm.open_project()
        runs = list(project.runs())
        return sum(len(project.metrics(run.id)) for run in runs), ",".join(run.status for run in runs)


class Sqlite(Peer):
    """The floor: the same rows through ``sqlite3`` alone."""

    synchronous = "NORMAL"

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        import sqlite3

        self.db = sqlite3.connect(work / "t.db", isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute(f"PRAGMA synchronous = {self.synchronous}")
        self.db.executescript("""
            CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, name TEXT, status TEXT, t0 REAL, t1 REAL);
            CREATE TABLE IF NOT EXISTS metrics (run INTEGER, key TEXT, step INTEGER, ts REAL, value REAL);
            CREATE TABLE IF NOT EXISTS latest (
                run INTEGER, key TEXT, value REAL, step INTEGER, PRIMARY KEY (run, key)
            ) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS params (run INTEGER, key TEXT, value TEXT, PRIMARY KEY (run, key)) WITHOUT ROWID;
        """)

    def start(self) -> None:
        sql = "INSERT INTO runs (name, status, t0) VALUES ('r', 'RUNNING', ?)"
        self.run = self.db.execute(sql, (time.time(),)).lastrowid

    def log(self, step: int, value: float) -> None:
        self.db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", (self.run, "loss", step, time.time(), value))

    def end(self) -> None:
        self.db.execute("UPDATE runs SET status = 'FINISHED', t1 = ? WHERE id = ?", (time.time(), self.run))

    def one_run(self, number: int) -> None:
        self.start()
        points = [(self.run, key, value + number, 0) for key, value in METRICS.items()]
        self.db.execute("BEGIN")
        params = [(self.run, key, str(value)) for key, value in PARAMS.items()]
        self.db.executemany("INSERT INTO params VALUES (?, ?, ?)", params)
        self.db.executemany("INSERT INTO metrics (run, key, value, step) VALUES (?, ?, ?, ?)", points)
        self.db.executemany("INSERT INTO latest VALUES (?, ?, ?, ?)", points)
        self.db.execute("COMMIT")
        self.end()

    def search(self) -> Any:
        import pandas as pd

        tables = [pd.read_sql(f"SELECT run, key, value FROM {name}", self.db) for name in ("latest", "params")]
        metrics, params = (table.pivot(index="run", columns="key", values="value") for table in tables)
        return pd.read_sql("SELECT * FROM runs", self.db).set_index("id").join(metrics).join(params)

    def read_back(self) -> tuple[int, str]:
        (count,) = self.db.execute("SELECT count(*) FROM metrics").fetchone()
        return count, self.db.execute("PRAGMA integrity_check").fetchone()[0]


class SqliteFull(Sqlite):
    """With an fsync at every commit, which survives a loss of power too."""

    synchronous = "FULL"


class Mlflow(Peer):
    """MLflow on its default, an SQLite file."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")
        import mlflow

        self.mlflow: Any = mlflow
        mlflow.set_tracking_uri(f"sqlite:///{work}/mlflow.db")
        mlflow.set_experiment("bench")

    def start(self) -> None:
        self.run = self.mlflow.start_run()

    def log(self, step: int, value: float) -> None:
        self.mlflow.log_metric("loss", value, step=step)

    def end(self) -> None:
        self.mlflow.end_run()

    def one_run(self, number: int) -> None:
        self.start()
        self.mlflow.log_params(PARAMS)
        self.mlflow.log_metrics({key: value + number for key, value in METRICS.items()})
        self.end()

    def search(self) -> Any:
        return self.mlflow.search_runs(experiment_names=["bench"], max_results=50_000)

    def read_back(self) -> tuple[int, str]:
        client = self.mlflow.MlflowClient()
        runs = client.search_runs([client.get_experiment_by_name("bench").experiment_id])
        points = sum(len(client.get_metric_history(run.info.run_id, "loss")) for run in runs)
        return points, ",".join(run.info.status for run in runs)


class MlflowAsync(Mlflow):
    """Its ``synchronous=False``."""

    def log(self, step: int, value: float) -> None:
        self.mlflow.log_metric("loss", value, step=step, synchronous=False)

    def end(self) -> None:
        self.mlflow.flush_async_logging()
        super().end()


class Trackio(Peer):
    """Trackio, whose points wait in memory for a thread."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        os.environ.update(TRACKIO_DIR=str(work / "trackio"), HF_HUB_OFFLINE="1")
        import trackio

        self.trackio: Any = trackio

    def start(self, **options: Any) -> None:
        self.run = self.trackio.init(project="bench", embed=False, **options)

    def log(self, step: int, value: float) -> None:
        self.trackio.log({"loss": value}, step=step)

    def end(self) -> None:
        self.trackio.finish()

    def one_run(self, number: int) -> None:
        self.start(config=PARAMS)
        self.trackio.log({key: value + number for key, value in METRICS.items()})
        self.end()

    def _logs(self) -> list[tuple[Any, list[dict[str, Any]]]]:
        from trackio.sqlite_storage import SQLiteStorage

        runs = self.trackio.Api().runs("bench")
        return [(run, SQLiteStorage.get_logs("bench", run.name, run_id=run.id)) for run in runs]

    def search(self) -> Any:
        import pandas as pd

        rows = [{"name": run.name, **(run.config or {}), **(logs[-1] if logs else {})} for run, logs in self._logs()]
        return pd.DataFrame(rows)

    def read_back(self) -> tuple[int, str]:
        logs = self._logs()
        return sum(len(points) for _, points in logs), f"{len(logs)} runs"


class Aim(Peer):
    """Aim with its defaults: system metrics on, console capture on."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        import aim
        from aim.sdk.repo import Repo

        self.aim: Any = aim
        self.repo = Repo.from_path(str(work), init=not (work / ".aim").is_dir())

    def start(self) -> None:
        self.run = self.aim.Run(repo=self.repo, experiment="bench")

    def log(self, step: int, value: float) -> None:
        self.run.track(value, name="loss", step=step)

    def end(self) -> None:
        self.run.close()

    def one_run(self, number: int) -> None:
        self.start()
        self.run["hparams"] = PARAMS
        for key, value in METRICS.items():
            self.run.track(value + number, name=key, step=0)
        self.end()

    def _index(self) -> None:
        """Do what ``aim up`` does in the background; without it closed runs have no params in queries."""
        from aim.sdk.index_manager import RepoIndexManager

        manager = RepoIndexManager.get_index_manager(self.repo)
        for run in self.repo.list_all_runs():
            manager.index(run)

    def search(self) -> Any:
        import pandas as pd

        self._index()
        found = self.repo.query_runs("run.experiment == 'bench'", report_mode=0).iter_runs()
        return pd.concat([frame for frame in (each.run.dataframe() for each in found) if frame is not None])

    def read_back(self) -> tuple[int, str]:
        self._index()
        points, statuses = 0, []
        for name in self.repo.list_all_runs():
            run = self.aim.Run(run_hash=name, repo=self.repo, read_only=True)
            points += sum(len(metric.values.sparse_list()[0]) for metric in run.metrics() if metric.name == "loss")
            statuses.append("active" if run.active else "ended")
        return points, ",".join(statuses)


class Dvclive(Peer):
    """DVCLive in a git and dvc repository, saving an experiment at each end."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        os.environ["DVC_NO_ANALYTICS"] = "1"
        if not (work / ".git").is_dir():
            (work / "train.py").write_text("print(1)\n")
            dvc = str(Path(sys.executable).with_name("dvc"))
            author = ["-c", "user.email=b@b", "-c", "user.name=b"]
            steps = [["git", "init", "-q"], [dvc, "init", "-q"], ["git", "add", "-A"]]
            for command in [*steps, ["git", *author, "commit", "-qm", "i"]]:
                subprocess.run(command, check=True)
        from dvclive import Live

        self.Live: Any = Live

    def start(self) -> None:
        self.live = self.Live(save_dvc_exp=True)

    def log(self, step: int, value: float) -> None:
        self.live.step = step
        self.live.log_metric("loss", value)

    def end(self) -> None:
        self.live.end()

    def one_run(self, number: int) -> None:
        self.start()
        self.live.log_params(PARAMS)
        for key, value in METRICS.items():
            self.live.log_metric(key, value + number)
        self.live.next_step()
        self.end()

    def search(self) -> Any:
        import dvc.api
        import pandas as pd

        return pd.DataFrame(dvc.api.exp_show())

    def read_back(self) -> tuple[int, str]:
        path = self.work / "dvclive/plots/metrics/loss.tsv"
        lines = path.read_text().splitlines() if path.exists() else []
        return max(0, len(lines) - 1), f"last line: {lines[-1] if lines else '-'}"


class Wandb(Peer):
    """Weights & Biases, offline."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        folders = {f"WANDB_{name}_DIR": str(work / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        os.environ.update(WANDB_MODE="offline", WANDB_DIR=str(work), WANDB_SILENT="true", **folders)
        import wandb

        self.wandb: Any = wandb

    def start(self, **options: Any) -> None:
        self.run = self.wandb.init(project="bench", **options)

    def log(self, step: int, value: float) -> None:
        self.run.log({"loss": value}, step=step)

    def end(self) -> None:
        self.run.finish()

    def one_run(self, number: int) -> None:
        self.start(config=PARAMS)
        self.run.log({key: value + number for key, value in METRICS.items()})
        self.end()

    def read_back(self) -> tuple[int, str]:
        from wandb.proto import wandb_internal_pb2
        from wandb.sdk.internal.datastore import DataStore

        points = exits = 0
        for path in self.work.glob("wandb/offline-run-*/*.wandb"):
            store = DataStore()
            store.open_for_scan(str(path))
            while (data := store.scan_data()) is not None:
                record = wandb_internal_pb2.Record()
                record.ParseFromString(data)
                points += record.WhichOneof("record_type") == "history"
                exits += record.WhichOneof("record_type") == "exit"
        return points, f"{exits} runs that ended"


PEERS: dict[str, type[Peer]] = {
    "mlm": Mlm,
    "sqlite": Sqlite,
    "sqlite_full": SqliteFull,
    "mlflow": Mlflow,
    "mlflow_async": MlflowAsync,
    "trackio": Trackio,
    "aim": Aim,
    "dvclive": Dvclive,
    "wandb": Wandb,
}
