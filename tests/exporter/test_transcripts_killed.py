"""A transcript that is rotated, truncated and replaced while a real exporter reads it and is killed."""

import random
import time
from pathlib import Path

import pytest

from tests.collectors.session import Session
from tests.exporter.killed import running
from tests.spool.processes import SCALE

OUTPUT = r'gen_ai_client_inference_usage_output_tokens_total\{[^}]*gen_ai_provider_name="anthropic"[^}]*\}'


@pytest.mark.parametrize("fault", ["rotated", "truncated", "replaced"])
def test_each_answer_counts_once_whatever_happens_to_its_file(fault: str, tmp_path: Path) -> None:
    chance = random.Random(10424)
    projects = tmp_path / "projects"
    path = projects / "p" / "s.jsonl"
    session, answers, kept, seen = Session(), 0, 0, [0]
    path.parent.mkdir(parents=True)
    with running(tmp_path / "home", claude_code={"directories": [str(projects)]}) as exporter:
        for _ in range(int(12 * SCALE)):
            for _ in range(chance.randrange(1, 8)):
                answers += 1
                session.prompt().answer(f"m{answers}", stop="end_turn").prompt()
                with path.open("a") as file:
                    file.write("\n".join([*session.lines[kept:], ""]))
                kept = len(session.lines)
                time.sleep(chance.random() * 0.01)
            if fault == "rotated":
                path.rename(path.with_name(f"{answers}.jsonl"))
            elif fault == "truncated":
                session.write(path)
            else:
                session.write(path.with_name("new")).replace(path)
            if chance.random() < 0.5:
                exporter.kill()
                exporter.await_start()
            seen.append(exporter.counted(OUTPUT))
        counts = [exporter.await_counted(OUTPUT, 5 * answers)]
        exporter.kill()
        exporter.await_start()
        counts.append(exporter.await_counted(OUTPUT, 5 * answers))

    assert counts == [5 * answers] * 2
    seen = [count for count in seen if count >= 0]
    assert seen == sorted(seen), "a counter fell"
