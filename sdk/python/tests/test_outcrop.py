"""What the conformance cases cannot say of Python: its types, its threads and forks, its end, OpenTelemetry beside it.

    sdk/python/.venv/bin/python -m unittest discover sdk/python/tests
"""
import asyncio
import datetime
import decimal
import email.utils
import enum
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import types
import unittest
import uuid

import outcrop
from outcrop import delivery, limits, sender, settings, trace, values
from outcrop.intent import duration
from receiver import Receiver


class Sends(unittest.TestCase):
    """A program that sends to a receiver."""

    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        outcrop.init("tests", url=self.receiver.url, flush_seconds=0.05)
        self.addCleanup(outcrop.shutdown)

    def units(self):
        self.assertTrue(outcrop.flush(10))
        return self.receiver.units()


class Unprintable:
    def __str__(self):
        raise RuntimeError("no text")

    def __bool__(self):
        raise RuntimeError("no truth")


class Values(unittest.TestCase):
    def test_everything_becomes_what_json_has(self):
        class Colour(enum.Enum):
            RED = "red"

        circle = []
        circle.append(circle)
        moment = datetime.datetime(2026, 11, 20, 8, 40, tzinfo=datetime.timezone.utc)
        for value, expected in [
            (True, True),
            (3, 3),
            ("x", "x"),
            (Colour.RED, "red"),
            (moment, "2026-11-20T08:40:00+00:00"),
            (decimal.Decimal("1.50"), "1.50"),
            (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
            (b"a\xff", "a\ufffd"),
            ({"a": (1, {2})}, '{"a": [1, [2]]}'),
            ({(1, 2): 3}, "{(1, 2): 3}"),
            (circle, "[[...]]"),
            (Unprintable(), "<unprintable>"),
        ]:
            self.assertEqual(values.plain(value), expected)
        self.assertEqual(len(values.plain("x" * 100_000)), limits.TEXT_CHARACTERS_MAX)

    def test_names_are_what_the_store_takes(self):
        self.assertEqual(values.name("a\x00b\x85"), "a_b_")
        self.assertEqual(values.name(""), "_")
        self.assertEqual(values.name("é" * 200), "é" * 128)
        self.assertEqual(values.name("a." + "x" * 200), "a." + "x" * 200)

    def test_half_of_a_pair_does_not_cost_the_event(self):
        self.assertEqual(values.encode({"a": "\ud800", "b": "😀"}).decode(), '{"a":"\ufffd","b":"😀"}')


class Declarations(unittest.TestCase):
    def test_durations(self):
        self.assertEqual(duration("2s"), ("within 2 s", 2_000_000_000))
        self.assertEqual(duration(" 1.5 min "), ("within 1.5 min", 90_000_000_000))
        for wrong in ("soon", "2", "2 weeks", "-1 s", 2, ""):
            with self.assertRaisesRegex(ValueError, "write a number and ms, s, min or h"):
                outcrop.intent("x", within=wrong)

    def test_generators_are_told_what_to_do(self):
        with self.assertRaisesRegex(TypeError, "with outcrop.intent"):

            @outcrop.intent("x")
            def generator():
                yield 1

    def test_an_inline_intent_is_made_once(self):
        made = {id(outcrop.intent("Made in a loop", within="2 s")) for _ in range(100)}
        self.assertEqual(len(made), 1)

    def test_a_function_stays_what_it_was(self):
        @outcrop.intent("x")
        def function(a: int) -> int:
            """What it does."""
            return a + 1

        self.assertEqual((function(1), function.__name__, function.__doc__), (2, "function", "What it does."))

    def test_settings(self):
        self.assertEqual(settings.dataset_name(" a/b,c*d\\e "), "a-b-c-d-e")
        self.assertEqual(settings.dataset_name(" "), "unknown_service")
        with self.assertRaises(TypeError):
            outcrop.init("x", colour="red")


class Answers(unittest.TestCase):
    def test_what_each_means(self):
        for status, text, kind, maybe_stored in [
            (200, b'{"accepted":1,"rejected":[],"rejected_total":2}', delivery.DELIVERED, False),
            (200, b"<html>", delivery.AGAIN, True),
            (200, b"[]", delivery.AGAIN, True),
            (204, b"", delivery.REFUSED, False),
            (302, b"", delivery.REFUSED, False),
            (400, b"", delivery.REFUSED, False),
            (408, b"", delivery.AGAIN, True),
            (413, b"", delivery.SPLIT, False),
            (429, b"", delivery.AGAIN, False),
            (503, b"", delivery.AGAIN, False),
            (504, b"", delivery.AGAIN, True),
        ]:
            verdict = delivery.judge(status, None, text)
            self.assertEqual((verdict.kind, verdict.maybe_stored), (kind, maybe_stored), status)

    def test_retry_after(self):
        seconds = lambda said: delivery.judge(429, said, b"").wait_seconds
        self.assertEqual([seconds(said) for said in ("2", "0", "-5", "86400", "nan", "soon", None)], [2, None, None, 300, None, None, None])
        self.assertIsNone(seconds("Wed, 21 Oct 2015 07:28:00 GMT"))
        self.assertTrue(55 < seconds(email.utils.formatdate(time.time() + 60, usegmt=True)) <= 60)

    def test_uncertain_batches_are_given_up_in_time(self):
        """After 14 minutes without an answer a further try might count twice."""
        clock = [1000.0]

        class Door:
            tries = 0

            def post(self, *_):
                Door.tries += 1
                clock[0] += 10
                return delivery.Verdict(delivery.AGAIN, maybe_stored=True)

        lost = sender.Sender(settings.read("x", {}))
        lost._rest = lambda seconds: clock.__setitem__(0, clock[0] + seconds) or True
        real, sender.time.monotonic = sender.time.monotonic, lambda: clock[0]
        try:
            self.assertEqual(lost._until_answered(Door(), [b"{}"]), (None, "unconfirmed"))
        finally:
            sender.time.monotonic = real
        self.assertTrue(800 < clock[0] - 1000 < 850, clock)
        self.assertGreater(Door.tries, 30)


class Hosts(Sends):
    """Whatever a program gives us, it goes on as it would without us."""

    def test_hostile_values(self):
        with outcrop.intent("Survive") as unit:
            outcrop.note({"a": Unprintable(), 3: "three", "b": 1}, c=2)
            outcrop.note(17)
            outcrop.note({"d": 4})
            self.assertFalse(outcrop.expect("has a truth", Unprintable()))
            self.assertFalse(unit.expect(Unprintable(), False))
        event = self.units()["survive"]
        self.assertEqual([event[name] for name in ("a", "3", "b", "c", "d")], ["<unprintable>", "three", 1, 2, 4])
        self.assertEqual(event["intent.unmet"], "has a truth")
        self.assertGreater(outcrop.stats()["internal_errors"], 0)

    def test_a_failing_condition_on_the_result_is_unmet(self):
        @outcrop.intent("Fail to judge", name="judge", ensures={"is positive": lambda result: result.nothing})
        def work():
            return 1

        self.assertEqual(work(), 1)
        self.assertEqual(self.units()["judge"]["intent.unmet"], "is positive")

    def test_what_runs_longer_than_its_unit_changes_nothing(self):
        with outcrop.intent("Short") as unit:
            pass
        unit.note({"late": 1})
        self.assertTrue(unit.expect("late", True))
        self.assertNotIn("late", self.units()["short"])
        self.assertEqual(outcrop.stats()["notes_outside"], 2)

    def test_what_is_noted_is_what_it_was_then(self):
        cart = {"items": [1]}
        with outcrop.intent("Copy"):
            outcrop.note({"cart": cart})
            cart["items"].append(2)
        self.assertEqual(self.units()["copy"]["cart"], {"items": [1]})

    def test_threads_have_their_own_units_and_tasks_those_above(self):
        def alone():
            outcrop.note({"lost": 1})
            with outcrop.intent("In a thread"):
                outcrop.note({"kept": 1})

        async def work():
            with outcrop.intent("Above"):
                await asyncio.to_thread(outcrop.note, {"from.a.pool": True})
                await asyncio.create_task(noted())

        async def noted():
            outcrop.note({"from.a.task": True})

        with outcrop.intent("Around"):
            thread = threading.Thread(target=alone)
            thread.start()
            thread.join()
        asyncio.run(work())
        units = self.units()
        self.assertNotIn("trace.parent_id", units["in_a_thread"])
        self.assertNotIn("lost", units["around"])
        self.assertTrue(units["above"]["from.a.pool"] and units["above"]["from.a.task"])

    def test_many_threads_lose_nothing(self):
        def work(thread):
            for n in range(200):
                with outcrop.intent("Count", name="count"):
                    outcrop.note({"n": thread * 1000 + n})

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(outcrop.flush(20))
        arrived = [event["n"] for event in self.receiver.events if event["name"] == "count"]
        self.assertEqual((len(arrived), len(set(arrived))), (1600, 1600))

    def test_without_init_functions_just_run(self):
        outcrop.shutdown()
        with outcrop.intent("Nowhere") as unit:
            unit.note({"a": 1})
            self.assertIsNone(outcrop.traceparent())
            self.assertTrue(outcrop.expect("a", 1))
            self.assertFalse(unit.expect("a", 0))
        self.assertEqual(self.receiver.units(), {})

    @unittest.skipUnless(hasattr(os, "fork"), "no forks on this system")
    def test_a_forked_child_goes_on_by_itself(self):
        with outcrop.intent("Before"):
            pass
        child = os.fork()
        if child == 0:
            with outcrop.intent("In the child"):
                pass
            outcrop.shutdown(10)
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        with outcrop.intent("In the parent"):
            pass
        units = self.units()
        self.assertEqual(set(units), {"before", "in_the_child", "in_the_parent"})
        self.assertEqual(len([e for e in self.receiver.events if e["name"] == "before"]), 1)
        self.assertNotEqual(units["in_the_child"]["trace.trace_id"], units["in_the_parent"]["trace.trace_id"])
        self.assertEqual(units["in_the_child"]["process.pid"], child)


class Ends(unittest.TestCase):
    """Programs that end in their own ways."""

    def run_program(self, source, **environment):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        program = 'import outcrop\noutcrop.init("tests")\nwork = outcrop.intent("Work", name="work")\n' + textwrap.dedent(source)
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "OUTCROP_URL": receiver.url, **environment},
            capture_output=True,
            text=True,
            timeout=30,
        )
        return receiver, done

    def test_what_waits_is_sent_when_the_program_ends(self):
        receiver, done = self.run_program("with work: outcrop.note({'n': 1})")
        self.assertEqual((done.returncode, receiver.units()["work"]["n"], done.stderr), (0, 1, ""))

    def test_also_when_it_fails(self):
        receiver, done = self.run_program("with work: raise KeyError('x')")
        self.assertEqual((done.returncode, receiver.units()["work"]["error.type"]), (1, "KeyError"))

    def test_sys_exit_within_is_a_cancellation(self):
        receiver, done = self.run_program("import sys\nwith work: sys.exit(3)")
        self.assertEqual((done.returncode, receiver.units()["work"]["intent.unmet"]), (3, "not cancelled"))

    def test_a_program_that_says_nothing_announces_its_intents_all_the_same(self):
        receiver, _ = self.run_program("@outcrop.intent('Never called')\ndef never(): pass")
        declared = [event for event in receiver.events if event.get("intent.declared")]
        self.assertEqual([(e["intent.name"], e["intent.text"]) for e in declared if "never" in e["intent.name"]], [("__main__.never", "Never called")])

    def test_disabled(self):
        receiver, done = self.run_program("with work: outcrop.note({'n': 1})", OUTCROP_DISABLED="1")
        self.assertEqual((done.returncode, receiver.events), (0, []))

    def test_a_url_that_is_none_hurts_nobody(self):
        _, done = self.run_program("with work: print('worked')\noutcrop.shutdown(0.2)", OUTCROP_URL="http://[nonsense")
        self.assertEqual((done.returncode, done.stdout), (0, "worked\n"))


class Beside(Sends):
    """OpenTelemetry in the same program."""

    def test_one_trace(self):
        from opentelemetry import trace as otel
        from opentelemetry.propagate import inject
        from opentelemetry.sdk.trace import TracerProvider

        tracer = TracerProvider().get_tracer("tests")
        headers = {}
        with tracer.start_as_current_span("server") as server:
            with outcrop.intent("Ours"):
                inject(headers)
                ours = outcrop.traceparent()
                with tracer.start_as_current_span("client") as client:
                    with outcrop.intent("Below"):
                        pass
            self.assertIs(otel.get_current_span(), server)
        units = self.units()
        context = server.get_span_context()
        self.assertEqual(headers["traceparent"], ours)
        self.assertEqual(units["ours"]["trace.trace_id"], f"{context.trace_id:032x}")
        self.assertEqual(units["ours"]["trace.parent_id"], f"{context.span_id:016x}")
        self.assertEqual(f"{client.parent.span_id:016x}", units["ours"]["trace.span_id"])
        self.assertEqual(units["below"]["trace.parent_id"], f"{client.get_span_context().span_id:016x}")

    def test_what_others_said_of_the_trace_goes_on_through_both(self):
        from opentelemetry.propagate import extract, inject
        from opentelemetry.sdk.trace import TracerProvider

        tracer, header = TracerProvider().get_tracer("tests"), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        with outcrop.continue_trace(header, "rojo=1,congo=2"), outcrop.intent("Ours"):
            with tracer.start_as_current_span("theirs"):
                headers = {}
                inject(headers)
                with outcrop.intent("Below"):
                    self.assertEqual((headers["tracestate"], outcrop.tracestate()), ("rojo=1,congo=2",) * 2)
        context = extract({"traceparent": header, "tracestate": "rojo=3"})
        with tracer.start_as_current_span("server", context=context), outcrop.intent("Below theirs"):
            self.assertEqual(outcrop.tracestate(), "rojo=3")
        with outcrop.continue_trace(header, "no state of theirs"), outcrop.intent("Odd"):
            pass
        self.assertIn("odd", self.units())
        self.assertIsNone(outcrop.tracestate())

    def test_a_trace_that_is_continued_holds_for_both(self):
        from opentelemetry.sdk.trace import TracerProvider

        tracer = TracerProvider().get_tracer("tests")
        with outcrop.continue_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"):
            with tracer.start_as_current_span("theirs") as theirs:
                pass
        self.assertEqual(f"{theirs.get_span_context().trace_id:032x}", "4bf92f3577b34da6a3ce929d0e0e4736")


class Samples(unittest.TestCase):
    def test_one_in_n(self):
        kept = sum(trace.kept(trace.new_trace_id(), 10) for _ in range(20_000))
        self.assertTrue(1_700 < kept < 2_300, kept)


class Types(unittest.TestCase):
    def test_users_see_types(self):
        program = textwrap.dedent(
            """
            import outcrop
            @outcrop.intent("x", within="2 s", ensures={"is positive": lambda n: n > 0})
            def count(a: int) -> int:
                outcrop.note({"a": a}, b=2)
                return a
            reveal_type(count(1))
            count("x")
            """
        )
        with tempfile.TemporaryDirectory() as elsewhere:
            command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", elsewhere, "-c", program]
            done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
        self.assertIn('Revealed type is "int"', done.stdout.replace("builtins.", ""), done.stdout[:400])
        self.assertIn("Found 1 error", done.stdout, done.stdout[:400])
        self.assertIn('incompatible type "str"', done.stdout, done.stdout[:400])


class Documents(unittest.TestCase):
    def test_the_convention_by_opentelemetry_alone(self):
        """The lines of docs/intent.md, as they stand there."""
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        text = (pathlib.Path(__file__).parents[3] / "docs/intent.md").read_text()
        (example,) = [block.split("```")[0] for block in text.split("```python\n")[1:]]
        kept, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(kept))
        order = types.SimpleNamespace(charges=2)
        exec(example, {"tracer": provider.get_tracer("tests"), "cart": [], "place_order": lambda cart: order})
        (span,) = kept.get_finished_spans()
        self.assertEqual(span.name, span.attributes["intent.name"])
        self.assertEqual((span.attributes["intent.met"], span.attributes["intent.unmet"]), (False, "charged once"))


if __name__ == "__main__":
    unittest.main()
