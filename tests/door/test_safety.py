"""Which hosts are put under load, and by whose word."""

import pytest

from conformance.target import HttpTarget, StdioTarget
from door.errors import Refusal
from door.safety import is_near, permitted
from door.scale_options import SafetyOptions, ScaleOptions
from door.scaling import Scale

NAMES = {
    "inside.example": ("10.1.2.3",),
    "outside.example": ("93.184.216.34",),
    "both.example": ("10.1.2.3", "8.8.8.8"),
}


def resolve(host: str) -> tuple[str, ...]:
    return NAMES.get(host, (host,))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "10.0.0.1",
        "172.31.0.1",
        "192.168.1.1",
        "fd00::1",
        "169.254.1.1",
        "fe80::1%eth0",
    ],
)
def test_this_machine_and_private_networks_are_near(address: str) -> None:
    assert is_near(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "100.64.0.1"])
def test_everything_else_is_not(address: str) -> None:
    assert not is_near(address)


def test_a_name_is_pinned_to_the_addresses_that_were_judged() -> None:
    permission = permitted(HttpTarget("http://inside.example:80/mcp"), SafetyOptions(), resolve)
    assert (permission.pins, permission.rate_cap) == ({"inside.example": ("10.1.2.3",)}, 100_000.0)
    assert permitted(HttpTarget("http://10.1.2.3/mcp"), SafetyOptions(), resolve).pins == {}


@pytest.mark.parametrize("host", ["outside.example", "both.example"])
def test_a_public_host_needs_its_name_said(host: str) -> None:
    target = HttpTarget(f"https://{host}/mcp")
    with pytest.raises(Refusal, match=f"--i-may-load-this-host {host}"):
        permitted(target, SafetyOptions(), resolve)
    with pytest.raises(Refusal, match="is in the public network"):
        permitted(target, SafetyOptions(i_may_load_this_host=["elsewhere.example"]), resolve)
    permission = permitted(target, SafetyOptions(i_may_load_this_host=[host.upper()]), resolve)
    assert (permission.pins, permission.rate_cap) == ({host: NAMES[host]}, 500.0)


def test_a_cap_that_is_given_stands_for_every_target() -> None:
    assert permitted(StdioTarget(("server",)), SafetyOptions(rate_cap=7.0)).rate_cap == 7.0


def test_a_name_that_nobody_knows_is_out_of_reach() -> None:
    def unknown(_: str) -> tuple[str, ...]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(Refusal, match="cannot be looked up") as refused:
        permitted(HttpTarget("http://nowhere.example/mcp"), SafetyOptions(), unknown)
    assert refused.value.code == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (ScaleOptions(master_host="m"), "--master-host goes with --worker"),
        (ScaleOptions(bind="127.0.0.1:1"), "go with --master"),
        (ScaleOptions(expect_within=5.0), "--expect-within go with --master"),
        (ScaleOptions(master=True, bind="nothing:here"), "is no HOST:PORT"),
        (ScaleOptions(target_pid=1, target_metrics="http://h/metrics"), "take one"),
        (ScaleOptions(target_pid=2**22 + 1), "there is no process"),
        (ScaleOptions(target_metrics="/proc"), "is no http"),
        (ScaleOptions(live_otlp="collector:4318"), "collector:4318 is neither"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: ScaleOptions, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        Scale.of(SafetyOptions(), options)


def test_one_process_is_no_fleet_and_a_master_has_workers() -> None:
    assert Scale.of(SafetyOptions(), ScaleOptions(processes=1)).fleet is None
    fleet = Scale.of(SafetyOptions(), ScaleOptions(master=True, expect_workers=3, bind="0.0.0.0:99", processes=2)).fleet
    assert fleet is not None
    assert (fleet.local, fleet.remote, fleet.host, fleet.port, fleet.patience) == (2, 3, "0.0.0.0", 99, 120.0)
