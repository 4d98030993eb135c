"""Settings from a file, the environment and flags; whatever nobody knows is refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from reference_server import cli, config
from reference_server.core.limits import Limits
from reference_server.service import THROWAWAY

OPTIONS = {"host": config.TEXT, "port": config.WHOLE, "log_level": config.TEXT}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the configuration is."""
    return tmp_path / "server.toml"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """With what the server would have been started; nothing is."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "reference_server.cli.trio.run", lambda _run, start, _stdin: calls.append(start.keywords)
    )
    monkeypatch.setattr(
        "reference_server.cli.logs.set_up", lambda level: calls.append({"log_level": level})
    )
    return calls


def run(*arguments: str, **environment: str) -> click.testing.Result:
    """`msgcheck serve` with these arguments."""
    return CliRunner().invoke(cli.serve, arguments, env=environment)


def test_a_file_gives_options_rates_and_limits(file: Path, started: list[dict[str, Any]]) -> None:
    """The tables are named for what they limit."""
    file.write_text(
        'port = 0\nlog_level = "info"\n[rates]\nsends = "20/second"\n[limits]\nmax_devices = 3\n'
    )
    assert run("--config", str(file)).exit_code == 0
    level, options = started
    assert level == {"log_level": "info"}
    assert options["port"] == 0
    assert options["rates"].sends == "20/second"
    assert options["limits"] == Limits(max_devices=3)


def test_the_environment_wins_over_the_file_and_a_flag_over_both(
    file: Path, started: list[dict[str, Any]]
) -> None:
    """For options and for limits."""
    file.write_text('host = "::1"\nport = 1\nlog_level = "info"\n[limits]\nmax_devices = 3\n')
    result = run(
        *("--config", str(file), "--port", "3", "--limit", "max_devices=5"),
        MSGCHECK_SERVE_PORT="2",
        MSGCHECK_SERVE_LOG_LEVEL="error",
    )
    assert result.exit_code == 0
    level, options = started
    assert level == {"log_level": "error"}
    assert (options["host"], options["port"]) == ("::1", 3)
    assert options["limits"] == Limits(max_devices=5)


def test_limits_may_come_from_the_environment(started: list[dict[str, Any]]) -> None:
    """Several, with spaces between them."""
    assert run(MSGCHECK_SERVE_LIMIT="max_devices=5 max_page_limit=7").exit_code == 0
    assert started[1]["limits"] == Limits(max_devices=5, max_page_limit=7)


@pytest.mark.parametrize("way", ["flag", "file", "environment"])
def test_throwaway_accounts_can_be_asked_for_in_every_way(
    file: Path, started: list[dict[str, Any]], way: str
) -> None:
    """Each option has its own name everywhere."""
    file.write_text("throwaway_accounts = true\n")
    result = {
        "flag": lambda: run("--throwaway-accounts"),
        "file": lambda: run("--config", str(file)),
        "environment": lambda: run(MSGCHECK_SERVE_THROWAWAY_ACCOUNTS="1"),
    }[way]()
    assert result.exit_code == 0, result.output
    assert started[1]["cost"] is THROWAWAY


def test_a_file_may_begin_with_a_byte_order_mark(file: Path) -> None:
    """Editors on Windows write one."""
    file.write_bytes(b"\xef\xbb\xbfport = 1\r\n")
    assert config.read(file, OPTIONS).options == {"port": 1}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MSGCHECK_SERVE_PROT", "MSGCHECK_SERVE_PORT"),
        ("MSGCHECK_SERVE_METRIC_TOKEN", "MSGCHECK_SERVE_METRICS_TOKEN"),
        ("MSGCHECK_SERVE_RATES_SENDS", "MSGCHECK_SERVE_RATE_SENDS"),
        ("MSGCHECK_SERVE_port", "MSGCHECK_SERVE_PORT"),
        ("MSGCHECK_SERVE_XYZZY", "known are MSGCHECK_SERVE_CERTFILE, MSGCHECK_SERVE_CONFIG"),
        ("MSGCHECK_SERVE_FAULT", "only for the command line"),
    ],
)
def test_a_variable_that_no_option_reads_ends_the_start_and_says_what_was_meant(
    started: list[dict[str, Any]], name: str, meant: str
) -> None:
    """A setting that is silently ignored is found out too late: nothing is started."""
    result = run(**{name: "1"})
    assert result.exit_code == 2
    assert f"{name} " in result.output
    assert meant in result.output
    assert not started


def test_help_is_given_whatever_the_environment_has() -> None:
    """Who looks for the right name needs it; ``-h`` is as good as for every other command."""
    result = run("-h", MSGCHECK_SERVE_PROT="1")
    assert result.exit_code == 0
    assert "--port" in result.output


def test_a_wrong_value_from_the_environment_is_told_with_its_variable() -> None:
    """Who reads the complaint has given no such option."""
    result = run(MSGCHECK_SERVE_PORT="many")
    assert result.exit_code == 2
    assert "Invalid value for MSGCHECK_SERVE_PORT: 'many'" in result.output


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\nlog_level = 'infos'\n", 2),
        ("port = 70000\n", 1),
        ("[rates]\n\nsends = 'often'\n", 3),
        ("metrics_token = ''\n", 1),
    ],
)
def test_a_wrong_value_from_the_file_is_told_with_its_line(
    file: Path, text: str, line: int
) -> None:
    """Whatever the option's own type finds wrong with it."""
    file.write_text(text)
    result = run("--config", str(file))
    assert result.exit_code == 2
    assert f"Invalid value for {file}:{line}: " in result.output


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("host = 'a'\n\nprot = 1\n", ":3: there is no setting `prot` in the file", "`port`"),
        ("[limits]\nmax_devics = 1\n", ":2: there is no setting `max_devics`", "`max_devices`"),
        ("port = 1\n[rates]\nsend = '1/second'\n", ":3: there is no setting `send`", "`sends`"),
        ("[limit]\nmax_devices = 1\n", ":1: there is no setting `limit`", "`limits`"),
        ("limits = 3\n", ":1: `limits` is a table", "[limits]"),
        ("host.name = 3\n", ":1: `host` is one value", "several"),
        ("port = [1, 2]\n", ":1: `port` is one value", "several"),
        ("[limits]\nmax_devices = '3'\n", ":2: `max_devices` is a whole number", "'3'"),
        ("[limits]\nmax_devices = true\n", ":2: `max_devices` is a whole number", "True"),
        ("\n[limits]\nmax_devices = 0\n", ":3: `max_devices` must be at least 1", "0"),
        (
            "[limits]\ntoken_ttl_s = 999999999999\n",
            ":2: `token_ttl_s` must be at most",
            "3153600000",
        ),
        ("\nport = '8080'\n", ":2: `port` is a whole number", "'8080'"),
        ("port = 1.5\n", ":1: `port` is a whole number", "1.5"),
        ("host = true\n", ":1: `host` is a text", "True"),
        ("[rates]\nsends = 5\n", ":2: `sends` is a text", "5"),
        ("port = \n", ":1:8: ", "Invalid value"),
    ],
)
def test_a_wrong_file_is_refused_with_the_line_and_what_was_meant(
    file: Path, text: str, place: str, hint: str
) -> None:
    """A setting that is silently ignored is found out too late."""
    file.write_text(text)
    with pytest.raises(config.ConfigError) as refused:
        config.read(file, OPTIONS)
    assert place in str(refused.value)
    assert hint in str(refused.value)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--limit", "max_devics=3"),
        ("--limit", "max_devices=many"),
        ("--limit", "max_devices=0"),
        ("--limit", "token_ttl_s=999999999999999999999"),
        ("--metrics-token", ""),
        ("--head-timeout", "nan"),
        ("--metrics-token", "schlüssel"),
        ("--rate-sends", "often"),
        ("--keyfile", "key.pem"),
        ("--certfile", "missing.pem"),
        ("--config", "missing.toml"),
        ("--port", "99999"),
    ],
)
def test_a_wrong_option_ends_with_status_2_and_a_sentence(arguments: tuple[str, ...]) -> None:
    """And with no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.output.strip()
