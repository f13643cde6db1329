"""The deployment: Kubernetes and Prometheus accept it, what it says of Assay is so, and nothing secret stands in it."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from assay.drift import load_checks
from assay.profile import Profile, load_profile
from assay.suite_monitors import load_monitors
from tests.engine.parts import program
from tests.serving import Quiet, serving

DEPLOY = Path(__file__).parents[3] / "monitors/deploy"
MANIFESTS = ("shared.yaml", "location-paris.yaml", "location-montreal.yaml")
OBJECTS: list[dict[str, Any]] = [
    each for name in MANIFESTS for each in yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8"))
]
DEPLOYMENTS = [each for each in OBJECTS if each["kind"] == "Deployment"]


def named(kind: str, name: str) -> dict[str, Any]:
    """Return one object of the manifests."""
    return next(each for each in OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name))


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return a deployment's one container."""
    [only] = deployment["spec"]["template"]["spec"]["containers"]
    return dict(only)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """The project as the pods see it: its assay.toml, and its monitors beside it."""
    (tmp_path / "assay.toml").write_text(named("ConfigMap", "assay-project")["data"]["assay.toml"])
    (tmp_path / "monitors").mkdir()
    for name, text in named("ConfigMap", "assay-monitors")["data"].items():
        (tmp_path / "monitors" / name).write_text(text)
    return load_profile(tmp_path / "assay.toml")


@pytest.mark.parametrize("version", ["1.28", "1.37"])
def test_kubernetes_accepts_every_object(version: str) -> None:
    """Every object is valid by Kubernetes's own schemas, old and new, with no field they do not know."""
    for each in OBJECTS:
        kubernetes_validate.validate(each, version, strict=True)
    assert {each["metadata"].get("namespace", "assay") for each in OBJECTS} == {"assay"}


def test_each_location_has_two_that_differ_in_name_alone() -> None:
    """Both Deployments of a location are the same but for their letter, and never share a node."""
    for location in ("paris", "montreal"):
        both = [each for each in DEPLOYMENTS if each["metadata"]["labels"]["assay/location"] == location]
        assert [each["metadata"]["name"] for each in both] == [f"assay-{location}-a", f"assay-{location}-b"]
        first, second = (yaml.safe_dump(each) for each in both)
        assert second == first.replace("assay/instance: a", "assay/instance: b").replace(
            f"{location}-a", f"{location}-b"
        )
        apart = both[0]["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
        [rule] = apart["requiredDuringSchedulingIgnoredDuringExecution"]
        assert rule["labelSelector"]["matchLabels"]["assay/location"] == location
        assert {"name": "ASSAY_LOCATION", "value": location} in container(both[0])["env"]
    assert len(DEPLOYMENTS) == 4


def test_what_belongs_together_is_called_alike() -> None:
    """Service, budget and policy select the pods; volumes, ports and configurations that are named exist."""
    for deployment in DEPLOYMENTS:
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"]
        selectors = (
            named("Service", "assay")["spec"]["selector"],
            named("PodDisruptionBudget", "assay")["spec"]["selector"]["matchLabels"],
            named("NetworkPolicy", "assay")["spec"]["podSelector"]["matchLabels"],
            deployment["spec"]["selector"]["matchLabels"],
        )
        assert all(selector.items() <= labels.items() for selector in selectors)
        volumes = {each["name"]: each for each in template["spec"]["volumes"]}
        assert {mount["name"] for mount in container(deployment)["volumeMounts"]} == set(volumes)
        for volume in volumes.values():
            if "configMap" in volume:
                named("ConfigMap", volume["configMap"]["name"])
        named("ServiceAccount", template["spec"]["serviceAccountName"])
        annotations, [port] = template["metadata"]["annotations"], container(deployment)["ports"]
        assert annotations["prometheus.io/port"] == str(port["containerPort"])
        [ingress] = named("NetworkPolicy", "assay")["spec"]["ingress"]
        assert ingress["ports"] == [{"protocol": "TCP", "port": port["containerPort"]}]


def test_the_pods_can_do_nothing_they_need_not() -> None:
    """No root, no writable image, no capability, no token of the cluster; and memory has an end."""
    for deployment in DEPLOYMENTS:
        pod, inside = deployment["spec"]["template"]["spec"], container(deployment)["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        assert inside == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert "memory" in container(deployment)["resources"]["limits"]


def test_no_secret_stands_in_it() -> None:
    """Secrets come by reference alone: no Secret is among the files, and only two plain variables hold a value."""
    assert "Secret" not in {each["kind"] for each in OBJECTS}
    for deployment in DEPLOYMENTS:
        assert {each["name"] for each in container(deployment)["env"]} == {"ASSAY_LOCATION", "TMPDIR"}
        assert container(deployment)["envFrom"] == [{"secretRef": {"name": "assay-secrets"}}]


def test_the_project_in_it_is_valid(profile: Profile) -> None:
    """Assay reads the profile and monitors of the manifests, and they agree with the pods: port, locations, ending."""
    load_checks()
    monitors = load_monitors([profile.folder], profile, {})
    assert {each.location for each in monitors.values()} == {None, "paris", "montreal"}
    for deployment in DEPLOYMENTS:
        [port] = container(deployment)["ports"]
        assert port["containerPort"] == profile.monitoring.port
        assert profile.environment(container(deployment)["args"][2]).production
        grace_s = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert grace_s > 30 + profile.monitoring.undo_budget


def test_readme_names_every_secret() -> None:
    """The variables that only Assay has are named where the secret is made, so that none is forgotten."""
    asked = set(re.findall(r"env:(ASSAY_\w+)", named("ConfigMap", "assay-project")["data"]["assay.toml"]))
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert asked
    assert not {name for name in asked if f"`{name}`" not in text}


@pytest.mark.parametrize(("status", "token", "code"), [(200, "hush", 0), (503, "hush", 1), (200, "other", 1)])
def test_readiness_is_what_readyz_says(status: int, token: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The readiness command succeeds with the token on a process that is well, and on no other."""

    class Status(Quiet):
        def do_GET(self) -> None:
            let_in = self.headers["authorization"] == "Bearer hush" and self.path == "/readyz"
            self.send_response(status if let_in else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

    [python, flag, source] = container(DEPLOYMENTS[0])["readinessProbe"]["exec"]["command"]
    assert (python, flag) == ("python", "-c")
    monkeypatch.setenv("ASSAY_STATUS_TOKEN", token)
    with serving(Status) as address:
        done = subprocess.run(
            [sys.executable, "-c", source.replace("http://127.0.0.1:9464", address)], capture_output=True
        )
    assert done.returncode == code


@pytest.mark.parametrize("name", ["prometheus-kubernetes.yml", "prometheus-federation.yml"])
def test_prometheus_accepts_its_configuration(name: str, tmp_path: Path) -> None:
    """Prometheus's own checker accepts the configuration with the rules it names.

    Debian's build knows no Kubernetes: discovery is replaced by an address, all else stays.
    """
    settings = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    local = copy.deepcopy(settings)
    for scrape in local["scrape_configs"]:
        if scrape.pop("kubernetes_sd_configs", None) is not None:
            scrape["static_configs"] = [{"targets": ["127.0.0.1:9464"]}]
            (tmp_path / "token").write_text("hush")
            scrape["authorization"]["credentials_file"] = str(tmp_path / "token")
    (tmp_path / "rules").mkdir()
    (tmp_path / "federation-rules.yaml").write_text((DEPLOY / "federation-rules.yaml").read_text(encoding="utf-8"))
    (tmp_path / name).write_text(yaml.safe_dump(local))
    done = subprocess.run([program("promtool"), "check", "config", tmp_path / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_federation_takes_what_is_paged_for_and_not_every_step() -> None:
    """The selectors of the federation take every family, buckets of whole runs, and leave those of steps out."""
    settings = yaml.safe_load((DEPLOY / "prometheus-federation.yml").read_text(encoding="utf-8"))
    [scrape] = settings["scrape_configs"]
    assert scrape["honor_labels"]
    assert scrape["metrics_path"] == "/federate"
    first, whole_runs, rules = scrape["params"]["match[]"]
    taken, left = re.findall(r'"([^"]+)"', first)
    for name, is_taken in (
        ("assay_probe_success", True),
        ("assay_probe_lateness_seconds_bucket", True),
        ("assay_probe_duration_seconds_count", True),
        ("assay_probe_duration_seconds_bucket", False),
        ("up", False),
    ):
        assert bool(re.fullmatch(taken, name) and not re.fullmatch(left, name)) == is_taken
    assert 'step=""' in whole_runs
    assert "monitor:assay_" in rules


def test_a_region_that_falls_silent_is_paged(tmp_path: Path) -> None:
    """The alert over all regions fires when one's Prometheus has not answered for its time, and has its runbook."""
    rules = DEPLOY / "federation-rules.yaml"
    groups = yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]
    [alert] = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert {"summary", "description", "runbook_url"} <= set(alert["annotations"])
    assert (DEPLOY.parents[1] / alert["annotations"]["runbook_url"]).is_file()
    told = {
        "exp_labels": {"severity": "page", "job": "assay-regions", "region": "eu"},
        "exp_annotations": {
            name: text.replace("{{ $labels.region }}", "eu") for name, text in alert["annotations"].items()
        },
    }
    series = [
        {"series": 'up{job="assay-regions",region="eu"}', "values": "1 1 0x20"},
        {"series": 'up{job="assay-regions",region="ca"}', "values": "1x20"},
    ]
    moments = [
        {"eval_time": f"{minutes}m", "alertname": alert["alert"], "exp_alerts": [told] if fires else []}
        for minutes, fires in ((1, False), (6, False), (8, True))
    ]
    test = {
        "rule_files": [str(rules)],
        "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": moments}],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [program("promtool"), "test", "rules", tmp_path / "test.yaml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
