"""The DAG files: one DAG per collection, parsed quickly; a mistake disables only its own collection."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.airflow

BY_HAND = {"train_digits", "mail_test"}
COLLECTIONS = """\
collections:
  plates:
    title: Glass <plates>
    inbox: /archive/in box
    output: /archive/out
    schedule: "30 1 * * *"
    timezone: Europe/Berlin
  album:
    inbox: s3://bucket/album
    output: s3://bucket/restored
    schedule: null
    watch: {settle: 5, interval: 2}
  both:
    inbox: /archive/both
    output: /archive/other
    watch: {}
  typo:
    inbox: /x
    output: /y
    recipe:
      engin: rn
  clock:
    inbox: /x
    output: /z
    schedule: "99 2 * * *"
  queued:
    inbox: s3://bucket/queued
    output: s3://bucket/queued-out
    watch: {queue: "https://sqs.eu-central-1.amazonaws.com/1/scans"}
    fixity: {sample: 0.05, schedule: "0 3 * * 0"}
"""


@pytest.fixture(scope="module")
def bag(parse):
    return parse(COLLECTIONS)


def test_each_collection_without_a_mistake_has_a_dag(bag):
    restoring = {f"restore_{name}" for name in ("plates", "album", "both", "queued")}
    assert set(bag.dags) - BY_HAND == {*restoring, "watch_collections", "fixity_queued"}


def test_a_mistake_is_an_import_error_that_names_line_and_key(bag):
    [(path, error)] = bag.errors.items()
    assert path.endswith("collections_problems.py")
    assert "line 21: typo.recipe.engin: unknown key" in error
    assert "line 25: clock.schedule: '99 2 * * *' is not a cron expression" in error
    assert "Traceback" not in error


def test_parsing_is_quick_and_imports_no_heavy_library(bag):
    heavy = {"torch", "pandas", "weasyprint", "matplotlib", "openvino", "cv2", "skimage", "numpy", "sqlalchemy_utils"}
    assert heavy.isdisjoint(bag.modules)
    # A generous bound for a busy machine: the processor parses every half minute.
    assert bag.seconds < 5


def test_a_chunk_goes_through_all_stages_before_the_next_starts(bag):
    tasks = bag.tasks("restore_plates")
    assert "chunk.mask" in tasks["receive"]["downstream_task_ids"]
    assert tasks["chunk.mask"]["downstream_task_ids"] == ["chunk.inpaint"]
    assert tasks["chunk.inpaint"]["downstream_task_ids"] == ["chunk.measure"]
    assert tasks["chunk.measure"]["downstream_task_ids"] == ["chunk.publish"]
    assert {task.get("weight_rule") for task in tasks.values()} == {"upstream"}


def test_only_inpainting_uses_the_gpu(bag):
    tasks = bag.tasks("restore_plates")
    assert {name for name, task in tasks.items() if task.get("pool") == "gpu"} == {"chunk.inpaint"}
    assert {name for name, task in tasks.items() if task.get("queue") == "gpu"} == {"chunk.inpaint"}


def test_inpainting_may_have_an_executor_of_its_own(monkeypatch):
    from dags.restoration.graph import GPU_POOL, _gpu_workers
    from pipeline.settings import settings

    monkeypatch.setenv("RESTORATION_GPU_EXECUTOR", "edge")
    monkeypatch.setenv("RESTORATION_GPU_QUEUE", "far")
    settings.cache_clear()
    assert _gpu_workers() == {"pool": GPU_POOL, "queue": "far", "executor": "edge"}
    monkeypatch.delenv("RESTORATION_GPU_EXECUTOR")
    settings.cache_clear()
    assert "executor" not in _gpu_workers()
    settings.cache_clear()


def test_reconcile_always_runs_and_decides_the_state_of_the_run(bag):
    tasks = bag.tasks("restore_plates")
    # Also after somebody has marked the run as failed or as a success: Airflow leaves teardowns alone.
    assert tasks["reconcile"]["is_teardown"] and tasks["reconcile"]["on_failure_fail_dagrun"]
    assert [name for name, task in tasks.items() if not task.get("downstream_task_ids")] == ["reconcile"]
    assert tasks["following_batch"]["downstream_task_ids"] == ["reconcile"]
    assert tasks["following_batch"]["trigger_rule"] == "all_done"


def test_a_schedule_a_watched_inbox_or_both(bag):
    plates, album, both = (bag.dags[f"restore_{name}"]["timetable"] for name in ("plates", "album", "both"))
    assert plates["__type"].endswith("CronTriggerTimetable")
    assert plates["__var"]["timezone"] == "Europe/Berlin"
    assert album["__type"].endswith("AssetTriggeredTimetable")
    assert "inbox_trigger.InboxTrigger" in str(album)
    assert both["__type"].endswith("AssetOrTimeSchedule")
    # Which the list of DAGs does not show for a watched inbox, and for others without the zone.
    assert "0 2 * * * UTC" in bag.dags["restore_both"]["tags"]
    assert "30 1 * * * Europe/Berlin" in bag.dags["restore_plates"]["tags"]
    queued = str(bag.dags["restore_queued"]["timetable"])
    assert "queue_trigger.QueueTrigger" in queued and "sqs.eu-central-1" in queued


def test_the_trigger_form_explains_each_parameter(bag):
    params = dict(bag.dags["restore_album"]["params"])
    assert set(params) == {"source", "limit", "since", "redo"}
    for param in params.values():
        assert param["schema"]["__var"]["title"]
        assert param["description"]
    assert params["redo"]["default"] is False


def test_a_collections_file_that_is_named_but_absent_is_an_import_error(parse):
    bag = parse(None)
    assert set(bag.dags) == BY_HAND
    [error] = bag.errors.values()
    assert "collections.yaml does not exist: copy collections.example.yaml there" in error


def test_of_a_broken_file_the_last_valid_version_stays_in_force(bag, parse):
    broken = parse(COLLECTIONS.replace("  plates:", "\tplates:"), bag.home)
    assert set(broken.dags) == set(bag.dags)
    [error] = broken.errors.values()
    # The sentence alone: no class of an error, no traceback.
    assert error.startswith(f"collections file {bag.home}/collections.yaml: line 2: not valid YAML: a tab")
    assert "\n" not in error
    assert error.endswith("the last valid version stays in force (plates, album, both, queued)")


def test_collections_are_switched_on_unless_a_setting_says_otherwise(bag, parse, monkeypatch):
    assert bag.dags["restore_plates"].get("is_paused_upon_creation") is False
    monkeypatch.setenv("RESTORATION_START_PAUSED", "true")
    paused = parse("collections:\n  plates: {inbox: /in, output: /out, schedule: null}\n")
    assert paused.dags["restore_plates"]["is_paused_upon_creation"] is True


def test_each_collection_without_a_mistake_is_watched_unpaused(bag):
    assert set(bag.tasks("watch_collections")) == {"plates", "album", "both", "queued"}
    assert bag.dags["watch_collections"]["is_paused_upon_creation"] is False


def test_a_removed_collection_with_a_batch_under_way_keeps_a_dag_that_fails(parse, tmp_path, monkeypatch):
    from pipeline.ledger import batches
    from pipeline.ledger.migrate import upgrade

    url = f"sqlite:///{tmp_path}/ledger.db"
    fixed = dict.fromkeys(("inbox", "output", "engine", "engine_digest", "code_version"), "x")
    with upgrade(url).write() as session:
        for name in ("gone", "plates", "shell"):
            dag = "" if name == "shell" else f"restore_{name}"
            batches.open_batch(session, name, "b1", fixed | {"recipe": {}, "recipe_digest": "r", "dag_id": dag})
    monkeypatch.setenv("RESTORATION_LEDGER_URL", url)
    valid = COLLECTIONS.partition("  typo:")[0]
    assert "restore_gone" in parse(valid).dags and "restore_shell" not in parse(valid).dags
    assert "restore_gone" not in parse(COLLECTIONS).dags, "a file with a mistake removes nothing"
