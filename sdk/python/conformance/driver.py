"""Does what a conformance case says with the Python SDK: a job on standard input, its numbers on standard output.

The job's mode is `sync` (functions and `with`), `async` (coroutines) or `delivery`.
"""
import asyncio
import contextvars
import json
import sys
import time

import outcrop
from outcrop.intent import slug


class OutOfStock(Exception):
    """What a failing case raises."""


def declare(said):
    said = dict(said)
    ensures = said.pop("ensures", None)
    if ensures:
        said["ensures"] = {name: lambda result, holds=holds: holds for name, holds in ensures.items()}
    return outcrop.intent(said.pop("text"), **said)


def name_of(said):
    """A decorated function gives its name; the cases want that of the text."""
    return said if said.get("name") else {**said, "name": slug(said["text"])}


def common(step):
    """Steps that are the same in both modes. True if it was one."""
    if "note" in step:
        outcrop.note(step["note"])
    elif "note_many" in step:
        outcrop.note({f"n.{n}": n for n in range(step["note_many"])})
    elif "note_tracestate" in step:
        outcrop.note({step["note_tracestate"]: outcrop.tracestate()})
    elif "expect" in step:
        for name, holds in step["expect"].items():
            assert outcrop.expect(name, holds) is holds
    elif "fail" in step:
        raise OutOfStock(step["fail"])
    else:
        return False
    return True


def in_no_unit(work):
    """As another process would see it: nothing of this context but what is handed over."""
    headers = {"continue": outcrop.traceparent(), "tracestate": outcrop.tracestate()}
    return contextvars.Context().run(work, headers)


def run(steps):
    for step in steps:
        if common(step):
            continue
        if "intent" in step:
            for _ in range(step.get("repeat", 1)):
                run_intent(step)
        elif "take_ms" in step:
            time.sleep(step["take_ms"] / 1000)
        elif "catch" in step:
            try:
                run(step["catch"])
            except OutOfStock:
                pass
        elif step.get("continue") == "out":
            in_no_unit(lambda headers, do=step["do"]: run([{**headers, "do": do}]))
        elif "continue" in step:
            with outcrop.continue_trace(step["continue"], step.get("tracestate")):
                run(step["do"])
        else:
            raise SystemExit(f"what is {step}?")


def run_intent(step):
    if "ensures" in step["intent"]:
        declare(name_of(step["intent"]))(lambda: run(step["do"]))()
    else:
        with declare(step["intent"]):
            run(step["do"])


async def run_async(steps):
    for step in steps:
        if common(step):
            continue
        if "intent" in step:
            for _ in range(step.get("repeat", 1)):
                await run_intent_async(step)
        elif "take_ms" in step:
            await asyncio.sleep(step["take_ms"] / 1000)
        elif "catch" in step:
            try:
                await run_async(step["catch"])
            except OutOfStock:
                pass
        elif "cancel" in step:
            asyncio.current_task().cancel()
            await asyncio.sleep(1)
        elif "parallel" in step:
            await asyncio.gather(*(run_async(branch) for branch in step["parallel"]))
        elif step.get("continue") == "out":
            headers = {"continue": outcrop.traceparent(), "tracestate": outcrop.tracestate()}
            work = run_async([{**headers, "do": step["do"]}])
            await asyncio.get_running_loop().create_task(work, **context_of_nobody())
        elif "continue" in step:
            with outcrop.continue_trace(step["continue"], step.get("tracestate")):
                await run_async(step["do"])
        else:
            raise SystemExit(f"what is {step}?")


def context_of_nobody():
    return {"context": contextvars.Context()} if sys.version_info >= (3, 11) else {}


async def run_intent_async(step):
    async def work():
        await run_async(step["do"])

    await declare(name_of(step["intent"]))(work)()


async def as_task(steps):
    try:
        await asyncio.get_running_loop().create_task(run_async(steps))
    except asyncio.CancelledError:
        pass


def redaction(said):
    def fails(fields):
        raise ValueError("the hook of the program")

    def sets(fields):
        return {**fields, **said}

    return {"fails": fails, "drops": lambda fields: None}.get(said if isinstance(said, str) else None, sets)


def deliver(case):
    times = []
    work = outcrop.intent("Arrive")

    def unit(n):
        began = time.perf_counter()
        with work:
            outcrop.note({"n": n, "padding": padding})
        times.append(time.perf_counter() - began)

    padding = "x" * case.get("bytes", 10)
    for n in range(case["units"]):
        unit(n)
        time.sleep(case.get("pause_ms", 0) / 1000)
    queued = outcrop.stats()["queued_bytes"]
    if case.get("after"):
        outcrop.flush(10)
        for n in range(case["after"]):
            unit(case["units"] + n)
    return {"unit_ms_p90": sorted(times)[len(times) * 9 // 10] * 1000, "queued_bytes": queued}


def main():
    job = json.load(sys.stdin)
    case, mode = job["case"], job["mode"]
    settings = dict(case.get("settings", {}))
    if "redact" in settings:
        settings["redact"] = redaction(settings["redact"])
    settings.setdefault("flush_seconds", 0.2)
    outcrop.init("conformance", url=job["url"], dataset=job["dataset"], **settings)
    said = {}
    for intent in case.get("declare", []):
        declare(name_of(intent))(lambda: None)
    if mode == "delivery":
        said = deliver(case)
    elif mode == "async":
        asyncio.run(as_task(case["do"]))
    else:
        run(case["do"])
    began = time.perf_counter()
    outcrop.shutdown()
    json.dump({**said, "exit_seconds": time.perf_counter() - began, "stats": outcrop.stats()}, sys.stdout)


if __name__ == "__main__":
    main()
