"""What tests of the registry share: a store to work in, and questions to its database."""

import shutil
import sqlite3


def enter(folder, empty_store, monkeypatch):
    """Work in this folder, whose store is a copy of the empty one."""
    shutil.copy(empty_store, folder / "mlflow.db")
    monkeypatch.chdir(folder)
    # Absolute, because MLflow keeps one connection for each URI of a process.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    return folder


def query(folder, text, *values):
    with sqlite3.connect(folder / "mlflow.db") as store:
        return store.execute(text, values).fetchall()


def aliases(folder, name="first"):
    rows = query(folder, "select alias, version from registered_model_aliases where name=?", name)
    return {alias: int(version) for alias, version in rows}


def alive(folder):
    """Versions that were not deleted."""
    return query(
        folder,
        "select name, version from model_versions where current_stage <> 'Deleted_Internal' "
        "order by name, version",
    )


def tags(folder, name="first", version=1):
    rows = query(
        folder,
        "select key, value from model_version_tags where name=? and version=?",
        name,
        version,
    )
    return dict(rows)


def model_folder(folder, name="first", version=1):
    [(source,)] = query(
        folder, "select source from model_versions where name=? and version=?", name, version
    )
    return folder / source[source.index("mlartifacts") :]
