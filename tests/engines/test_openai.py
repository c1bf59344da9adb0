"""The openai engine against a server that counts and misbehaves: every request is answered, lost for a reason, or the stage ends."""

import json
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import attrs
import pytest
from fake_server import FakeServer, Seen

from skillfactory_core.engine import Generation, Request, Sampling
from skillfactory_core.engines import chat, server
from skillfactory_core.engines.connections import proxy_for
from skillfactory_core.engines.openai import OpenAIEngine
from skillfactory_core.engines.server import served_name
from skillfactory_core.errors import SkillFactoryError

SAMPLING = Sampling(0.5, 0.9, 7, 1.2, 64)
RIGHT = re.compile(r"Trying \d+\. <answer>.+</answer>")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(server, "LONGEST_WAIT", 0.05)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as started:
        yield started


def requests(count: int) -> list[Request]:
    return [Request(f"r/{i}", ({"role": "user", "content": f"Make {i + 3} from 3, {i}."},), i) for i in range(count)]


def answers(urls: Any, count: int = 4, sampling: Sampling = SAMPLING, **options: Any) -> dict[str, Generation]:
    """What an engine makes of some requests, by key."""
    with OpenAIEngine("m", 0, base_urls=urls, **options) as engine:
        made = list(engine.generate(requests(count), sampling))
    assert len(made) == count
    return {generation.key: generation for generation in made}


def first_time(name: str, seed: int = 2) -> Callable[[Seen], str]:
    return lambda seen: name if seen.seed == seed and seen.nth == 1 else ""


def times(fake: FakeServer, seed: int = 2) -> int:
    return sum(seen.seed == seed for seen in fake.seen)


# What is sent.


def test_every_parameter_of_sampling_is_sent_with_each_request_and_one_row_is_asked_for(fake: FakeServer) -> None:
    made = answers(fake.url)
    assert all(RIGHT.fullmatch(made[f"r/{i}"].text) and made[f"r/{i}"].finish == "stop" for i in range(4))
    assert sorted(seen.seed for seen in fake.seen) == [0, 1, 2, 3]
    assert {name: value for name, value in fake.seen[0].body.items() if name not in ("messages", "seed")} == {
        "model": "fake",
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 7,
        "repetition_penalty": 1.2,
        "max_tokens": 64,
        "min_p": 0.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "n": 1,
        "stream": False,
    }
    assert "authorization" not in fake.seen[0].headers


def test_the_parameters_of_sampling_are_all_there_are() -> None:
    sent = json.loads(chat.body(requests(1)[0], SAMPLING, "m", ()))
    assert set(attrs.asdict(SAMPLING)) <= set(sent)


def test_a_top_k_that_is_off_is_sent_as_every_server_understands_it(fake: FakeServer) -> None:
    answers(fake.url, 1, attrs.evolve(SAMPLING, top_k=0))
    assert fake.seen[0].body["top_k"] == -1


def test_a_reply_that_has_begun_is_continued(fake: FakeServer) -> None:
    fake.reply = lambda body: "and so on"
    begun = attrs.evolve(requests(1)[0], prefix="First, ")
    with OpenAIEngine("m", 0, base_urls=fake.url) as engine:
        (made,) = engine.generate([begun], SAMPLING)
    assert made.text == "First, and so on"
    body = fake.seen[0].body
    assert body["messages"][-1] == {"role": "assistant", "content": "First, "}
    assert body["continue_final_message"] is True and body["add_generation_prompt"] is False


def test_a_reply_that_was_cut_says_so_and_tokens_are_those_of_the_server(fake: FakeServer) -> None:
    made = answers(fake.url, 1, attrs.evolve(SAMPLING, max_tokens=2))["r/0"]
    assert (made.finish, made.tokens, len(made.text.split(" "))) == ("length", 2, 2)


def test_text_of_any_script_arrives_as_it_is(fake: FakeServer) -> None:
    fake.reply = lambda body: "naïve 答え 🙂 \u2028 \x7f <b>"
    assert answers(fake.url, 1)["r/0"].text == "naïve 答え 🙂 \u2028 \x7f <b>"


def test_an_empty_chunk_asks_nothing(fake: FakeServer) -> None:
    assert answers(fake.url, 0) == {} and not fake.seen


# What is asked again.


@pytest.mark.parametrize(
    "name",
    [
        *("429", "500", "502", "503", "504", "408", "half", "shut", "noise", "empty", "no-text", "junk", "list"),
        *("latin-1", "utf-16", "html", "abort", "hang"),
    ],
)
def test_a_request_that_may_do_better_is_asked_again(fake: FakeServer, name: str) -> None:
    fake.plan = first_time(name)
    made = answers(fake.url, timeout=0.3)
    assert all(RIGHT.fullmatch(one.text) for one in made.values())
    assert [times(fake, seed) for seed in range(4)] == [1, 1, 2, 1]


@pytest.mark.parametrize(("name", "text"), [("plain", "Trying"), ("blank", ""), ("no-usage", "Trying")])
def test_what_is_odd_but_whole_is_taken(fake: FakeServer, name: str, text: str) -> None:
    fake.plan = first_time(name)
    made = answers(fake.url)["r/2"]
    assert made.text.startswith(text) and not made.error and times(fake) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("400:the prompt has 900 tokens, and the model takes 512", "answered 400: the prompt has 900 tokens"),
        ("413", "answered 413"),
        ("422", "answered 422"),
        ("filter", "ended a reply with 'content_filter'"),
    ],
)
def test_a_request_that_cannot_do_better_is_lost_with_the_reason(fake: FakeServer, name: str, reason: str) -> None:
    fake.plan = lambda seen: name if seen.seed == 2 else ""
    made = answers(fake.url)
    assert made["r/2"].finish == "error" and reason in made["r/2"].error and not made["r/2"].text
    assert times(fake) == 1 and sum(not one.error for one in made.values()) == 3


def test_a_request_that_fails_every_time_is_lost_after_its_tries(fake: FakeServer) -> None:
    fake.plan = lambda seen: "500:out of luck" if seen.seed == 2 else ""
    made = answers(fake.url, retries=3)
    assert made["r/2"].error.endswith("answered 500: this is 500 (3 tries)")
    assert times(fake) == 3 and len(fake.seen) == 6


@pytest.mark.parametrize("after", ["0.4", "in"])
def test_a_server_that_says_when_to_come_back_is_left_alone_until_then(fake: FakeServer, after: str) -> None:
    # A date has whole seconds.
    fake.plan = first_time("429:0.4" if after == "0.4" else "503:in 2", seed=0)
    answers(fake.url, concurrency=1)
    assert fake.seen[1].at - fake.seen[0].at >= (0.39 if after == "0.4" else 0.9)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        *(("", 0), ("soon", 0), ("-5", 0), ("nan", 0), ("2", 2), ("1.5", 1.5), ("9999", 60), ("inf", 60)),
        *(("in 30", 30), ("in -30", 0), ("in 9999", 60)),
    ],
)
def test_a_retry_after_is_read_and_kept_within_bounds(said: str, seconds: float) -> None:
    if said.startswith("in "):
        said = formatdate(time.time() + float(said[3:]), usegmt=True)
    assert chat.seconds(said) == pytest.approx(seconds, abs=2 if "GMT" in said else 0)


# What ends a stage.


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("401", "environment variable OPENAI_API_KEY"),
        ("403", "environment variable OPENAI_API_KEY"),
        ("404", "check engine_options.base_urls"),
        ("405", "check engine_options.base_urls"),
        ("302", "check engine_options.base_urls"),
        ("402:pay first", "pay first"),
    ],
)
def test_what_would_happen_to_every_request_ends_the_stage_at_once(fake: FakeServer, name: str, cure: str) -> None:
    fake.plan = lambda seen: name
    with pytest.raises(SkillFactoryError, match=re.escape(cure)) as raised:
        answers(fake.url, 50, concurrency=2)
    assert "\n" not in str(raised.value) and fake.url in str(raised.value)
    assert len(fake.seen) <= 2


@pytest.mark.parametrize(
    ("said", "field", "cure"),
    [
        ("Unrecognized request argument supplied: top_k", "top_k", "sampling.top_k and evaluate_sampling.top_k at 0"),
        ("Unknown parameter: 'repetition_penalty'.", "repetition_penalty", "at 1, and leave it out"),
        (
            '[{"type":"extra_forbidden","loc":["body","min_p"]}]',
            "min_p",
            "leave it out with -s engine_options.drop=min_p",
        ),
        ("'seed' is not supported by this provider", "seed", "engine_options.drop=seed"),
        ("Unsupported parameter: 'max_tokens'; use 'max_completion_tokens'", "max_tokens", "take another server"),
        ("Unsupported value: 'temperature' does not support 0.7", "temperature", "take another server"),
    ],
)
def test_a_server_that_does_not_take_a_parameter_ends_the_stage_and_says_which(
    fake: FakeServer, said: str, field: str, cure: str
) -> None:
    fake.plan = lambda seen: f"400:{said}"
    with pytest.raises(SkillFactoryError, match=f"does not take {field}: ") as raised:
        answers(fake.url)
    assert cure in str(raised.value)


def test_a_parameter_that_is_off_may_be_left_out(fake: FakeServer) -> None:
    answers(fake.url, 1, attrs.evolve(SAMPLING, top_k=0, repetition_penalty=1), drop=["top_k", "seed", "min_p"])
    assert not {"top_k", "seed", "min_p"} & set(fake.seen[0].body)


def test_a_parameter_that_is_on_may_not(fake: FakeServer) -> None:
    with pytest.raises(SkillFactoryError, match="drop leaves out top_k, which is 7: set it to 0"):
        answers(fake.url, drop="top_k")
    assert not fake.seen


def test_where_no_server_answers_from_the_start_the_stage_ends_soon() -> None:
    with FakeServer() as gone:
        url = gone.url
    with pytest.raises(SkillFactoryError, match=r"no server answers: .* cannot be reached: .*sf serve m"):
        answers(url, 50)


# Servers that go and come back.


def test_a_server_that_dies_and_comes_back_costs_nothing_but_time(fake: FakeServer) -> None:
    fake.delay = 0.01
    with OpenAIEngine("m", 0, base_urls=fake.url, concurrency=4, retries=50) as engine:
        made = []
        for generation in engine.generate(requests(60), SAMPLING):
            made.append(generation)
            if len(made) == 20:
                fake.stop()
                time.sleep(0.1)
                fake.start()
    assert len(made) == 60 and not any(one.error for one in made)
    assert max(fake.counts.values()) <= 2 and len(fake.seen) <= 60 + 4


def test_a_server_that_stays_away_is_given_up_and_every_request_says_why() -> None:
    with FakeServer() as other, OpenAIEngine("m", 0, base_urls=other.url, retries=4) as engine:
        other.plan = lambda seen: "hang" if seen.number > 30 else ""  # so that some are open when it goes
        made = []
        for generation in engine.generate(requests(60), SAMPLING):
            made.append(generation)
            if len(made) == 1:
                other.stop()
        other.start()
        other.plan = lambda seen: ""
        assert len(made) == 60
        lost = [one for one in made if one.error]
        assert lost and all("no server is left" in one.error and "cannot be reached" in one.error for one in lost)
        # It gets another chance with the next chunk.
        assert not any(one.error for one in engine.generate(requests(5), SAMPLING))


def test_several_servers_share_the_work_and_the_dead_one_has_none() -> None:
    with FakeServer() as gone:
        dead = gone.url
    with FakeServer() as one, FakeServer() as two:
        one.delay = two.delay = 0.005
        made = answers([one.url, dead, two.url], 80, concurrency=4)
        assert not any(generation.error for generation in made.values())
        assert len(one.seen) + len(two.seen) == 80 and min(len(one.seen), len(two.seen)) > 20


def test_a_server_that_dies_for_good_leaves_its_requests_to_the_other() -> None:
    with FakeServer() as one, FakeServer() as two:
        one.delay = two.delay = 0.005
        with OpenAIEngine("m", 0, base_urls=f"{one.url},{two.url}", concurrency=4) as engine:
            made = []
            for generation in engine.generate(requests(80), SAMPLING):
                made.append(generation)
                if len(made) == 20:
                    one.stop()
        one.start()
        assert len(made) == 80 and not any(generation.error for generation in made)


# How much at once.


@pytest.mark.parametrize("most", [1, 8, 64])
def test_as_much_is_in_flight_as_is_allowed_and_no_more(fake: FakeServer, most: int) -> None:
    fake.delay = 0.05
    answers(fake.url, 3 * most + 60, concurrency=most)
    assert fake.most_flying == most


def test_a_server_that_has_no_room_is_asked_less_and_everything_is_answered(fake: FakeServer) -> None:
    fake.delay = 0.01
    fake.plan = lambda seen: "429" if fake.flying >= 6 else ""
    with OpenAIEngine("m", 0, base_urls=fake.url, concurrency=64, retries=100) as engine:
        assert not any(one.error for one in engine.generate(requests(300), SAMPLING))
        # Its room is found and kept to within the halving and growing.
        assert engine.dispatch.servers[0].limit < 16
    assert len(fake.seen) < 450


def test_what_is_not_read_is_not_piled_up(fake: FakeServer) -> None:
    with OpenAIEngine("m", 0, base_urls=fake.url, concurrency=8) as engine:
        made = engine.generate(requests(100), SAMPLING)
        next(made)
        time.sleep(0.3)
        # One is in our hands, the others in flight or unread.
        assert len(fake.seen) <= 9
        assert len(list(made)) == 99


def test_whoever_stops_reading_leaves_nothing_in_flight(fake: FakeServer) -> None:
    fake.delay = 0.01
    fake.plan = lambda seen: "hang" if seen.number > 5 else ""
    with OpenAIEngine("m", 0, base_urls=fake.url, concurrency=8) as engine:
        made = engine.generate(requests(100), SAMPLING)
        for _ in range(5):
            next(made)
        start = time.monotonic()
        made.close()  # type: ignore[attr-defined]
        assert time.monotonic() - start < 1
        deadline = time.monotonic() + 5
        while fake.flying and time.monotonic() < deadline:
            time.sleep(0.01)
        assert fake.flying == 0 and fake.broken_off > 0
        # The engine is as good as before.
        fake.plan = lambda seen: ""
        assert len(list(engine.generate(requests(10), SAMPLING))) == 10


def test_connections_are_used_again(fake: FakeServer) -> None:
    answers(fake.url, 100, concurrency=4)
    assert fake.connections <= 5


def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://someone:secret@127.0.0.1:{fake.port}")
    monkeypatch.setenv("no_proxy", "inside.invalid")
    assert len(answers("http://outside.invalid/v1", 10)) == 10
    assert len(fake.seen) == 10
    assert not proxy_for("http://127.0.0.1:1/v1") and not proxy_for("http://inside.invalid/v1")


def test_a_server_with_a_certificate_is_asked_if_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = tmp_path / "server.pem"
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate")
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = (
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        pem,
        "-out",
        pem,
    )
    subprocess.run([*made, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with FakeServer(tls=context) as fake:
        with pytest.raises(SkillFactoryError, match=r"cannot be reached: .*certificate verify failed"):
            answers(fake.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        fake.plan = first_time("half")
        assert not any(one.error for one in answers(fake.url, 20, concurrency=2).values())
        assert len(fake.seen) == 21


# Which model a server has.


@pytest.mark.parametrize(
    ("listed", "model", "names", "found"),
    [
        ([{"id": "fake"}], "m", "", "fake"),
        ([{"id": "fake"}, {"id": "m"}], "m", "", "m"),
        ([{"id": "fake"}, {"id": "other"}], "m", "", ""),
        ([{"id": "fake"}, {"id": "other"}], "m", "other", "other"),
        ([{"id": "fake"}], "m", "other", ""),
        ([{"id": "fake"}], "m", {"m": "fake"}, "fake"),
        ([], "m", "", "m"),
        ([], "m", "other", "other"),
        ([{"id": "short", "root": "owner/one"}], "owner/one", "", "short"),
        ([{"id": "short", "root": "owner/two"}], "owner/one", "", ""),
        ([{"id": "short", "root": "/models/one"}], "owner/one", "", "short"),
        ([{"id": "short", "root": "FOLDER"}], "FOLDER", "", "short"),
        ([{"id": "short", "root": "FOLDER/../OTHER"}], "FOLDER", "", ""),
        ([{"id": "FOLDER"}], "FOLDER", "", "FOLDER"),
        ([{"id": "fake"}], "FOLDER", "", ""),
        ([{"id": "fake"}], "FOLDER", "fake", ""),
        ([{"id": "fake"}], "FOLDER", {"FOLDER": "fake"}, "fake"),
        ([], "FOLDER", "", ""),
        ([{"name": "no id"}, 3, {"id": 5}], "m", "", "m"),
    ],
)
def test_a_server_is_asked_under_the_name_that_it_has_for_the_model_or_not_at_all(
    tmp_path: Path, listed: Any, model: str, names: Any, found: str
) -> None:
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "OTHER").mkdir()

    def there(text: str) -> str:
        return re.sub("FOLDER|OTHER", lambda match: str(tmp_path / match[0]), text)

    listing = json.loads(there(json.dumps({"data": listed})))
    names = json.loads(there(json.dumps(names)))
    name, other = served_name(listing, there(model), names)
    assert name == there(found)
    assert bool(other) is not bool(name)


def test_a_server_of_another_model_is_left_out_and_none_of_this_one_is_an_error(tmp_path: Path) -> None:
    with FakeServer() as right, FakeServer() as wrong:
        right.models = [{"id": "tuned", "root": str(tmp_path)}]
        with OpenAIEngine(str(tmp_path), 0, base_urls=[wrong.url, right.url]) as engine:
            assert not any(one.error for one in engine.generate(requests(9), SAMPLING))
        assert len(right.seen) == 9 and not wrong.seen and right.seen[0].body["model"] == "tuned"
        with OpenAIEngine(str(tmp_path), 0, base_urls=wrong.url) as engine:
            with pytest.raises(
                SkillFactoryError, match=rf"no server serves '{tmp_path}': {wrong.url} serves 'fake'; start"
            ):
                list(engine.generate(requests(9), SAMPLING))
        assert not wrong.seen


@pytest.mark.parametrize("listing", ["404", "501", "503"])
def test_a_server_without_a_list_of_models_is_believed(fake: FakeServer, listing: str) -> None:
    fake.listing = listing if listing != "503" else ""
    fake.models = [] if listing == "503" else fake.models
    assert len(answers(fake.url)) == 4
    assert fake.seen[0].body["model"] == "m"


# Keys and other options.


def test_the_key_comes_from_the_variable_that_is_named(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", " sk-very-secret-1 \n")
    answers(fake.url, 1, key_variable="MY_KEY")
    assert fake.seen[0].headers["authorization"] == "Bearer sk-very-secret-1"


@pytest.mark.parametrize(
    "name", ["401:bad key sk-very-secret-1", "400:bad key sk-very-secret-1", "500:sk-very-secret-1"]
)
def test_no_error_repeats_the_key(fake: FakeServer, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-1")
    fake.reply = lambda body: body["messages"][0]["content"]
    fake.plan = lambda seen: name
    try:
        said = [one.error for one in answers(fake.url, retries=2).values()]
    except SkillFactoryError as error:
        said = [str(error), repr(error.__cause__), repr(error.__context__)]
    assert said and not any("very-secret" in text for text in said)


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "sk-very-secret-1"},
        {"token": "sk-very-secret-1"},
        {"headers": {"Authorization": "Bearer sk-very-secret-1"}},
        {"key_variable": "sk-very-secret-1"},
        {"key_variable": "hf_verysecret"},
        {"base_urls": "http://me:very-secret@127.0.0.1:1/v1"},
        {"base_urls": "http://127.0.0.1:1/v1?api-key=very-secret"},
    ],
)
def test_a_key_among_the_options_is_refused_and_not_repeated(options: dict[str, Any]) -> None:
    with pytest.raises(SkillFactoryError, match="environment variable") as raised:
        OpenAIEngine("m", 0, **options)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bogus": 1}, "has no option 'bogus'"),
        ({"concurrency": 0}, "concurrency is 0 and should be a whole number from 1 on"),
        ({"concurrency": "8 or so"}, "concurrency is '8 or so'"),
        ({"concurrency": True}, "concurrency is True"),
        ({"timeout": 0}, "timeout is 0"),
        ({"retries": 1.5}, "retries is 1.5"),
        ({"drop": "temperature"}, "drop is ['temperature'] and should be some of top_p, top_k"),
        ({"model_name": 3}, "model_name is 3"),
        ({"base_urls": []}, "base_urls is [] and should be one address or several"),
        ({"base_urls": [8000]}, "base_urls is [8000]"),
        ({"base_urls": "localhost:8000"}, "'localhost:8000' in base_urls is no address"),
        ({"base_urls": "http://"}, "is no address"),
        ({"base_urls": "http://h:99999/v1"}, "is no address"),
        ({"base_urls": "ftp://h/v1"}, "is no address"),
        ({"base_urls": "http://a..b/v1"}, "is no address"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SkillFactoryError, match=re.escape(said)) as raised:
        OpenAIEngine("m", 0, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://h:1", ["http://h:1/v1"]),
        ("http://h:1/", ["http://h:1/v1"]),
        ("http://h:1/v1/", ["http://h:1/v1"]),
        ("https://h/api/v2", ["https://h/api/v2"]),
        ("http://h:1/v1, http://i:1/v1", ["http://h:1/v1", "http://i:1/v1"]),
        (["http://h:1/v1", "http://h:1/v1/"], ["http://h:1/v1"]),
        ("http://[::1]:8000/v1", ["http://[::1]:8000/v1"]),
    ],
)
def test_addresses_are_taken_as_people_write_them(given: Any, used: list[str]) -> None:
    assert [one.url for one in OpenAIEngine("m", 0, base_urls=given).dispatch.servers] == used
