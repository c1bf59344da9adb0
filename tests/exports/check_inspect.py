"""Read an export as inspect_ai does, in inspect_ai's own environment:

    python check_inspect.py FOLDER

Its own functions list the logs, read them whole and read their summaries. What they understood goes out as JSON.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries


def read(path: str) -> dict:
    log = read_eval_log(path)
    first = log.samples[0]
    alone = read_eval_log_sample(path, id=first.id, epoch=first.epoch)
    return {
        "status": log.status,
        "task": log.eval.task,
        "task_id": log.eval.task_id,
        "model": log.eval.model,
        "epochs": log.eval.config.epochs,
        "temperature": log.eval.model_generate_config.temperature,
        "total": log.results.total_samples,
        "metrics": {name: metric.value for name, metric in log.results.scores[0].metrics.items()},
        "tokens": log.stats.model_usage[log.eval.model].output_tokens,
        "same_alone": alone.output.completion == first.output.completion,
        "samples": [
            {
                "id": sample.id,
                "epoch": sample.epoch,
                "asked": [[message.role, message.text] for message in sample.input],
                "target": sample.target,
                "text": sample.output.completion,
                "last": sample.messages[-1].text,
                "stop": sample.output.stop_reason,
                "score": sample.scores["grade"].value if sample.scores else None,
                "right": sample.scores["grade"].as_str() == "C" if sample.scores else None,
                "answer": sample.scores["grade"].answer if sample.scores else None,
                "error": sample.error.message if sample.error else None,
            }
            for sample in log.samples
        ],
        "summaries": [
            [one.id, one.epoch, one.scores["grade"].value if one.scores else None, one.error]
            for one in read_eval_log_sample_summaries(path)
        ],
    }


if __name__ == "__main__":
    paths = {Path(info.name.removeprefix("file://")).name: info.name for info in list_eval_logs(sys.argv[1])}
    logs = {name: read(path) for name, path in paths.items()}
    print("FOUND " + json.dumps({"version": version("inspect_ai"), "logs": logs}))
