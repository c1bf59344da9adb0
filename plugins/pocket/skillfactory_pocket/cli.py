"""sf-pocket: make the embedded base model and its card again."""

from pathlib import Path

import attrs
import rich_click as click

from skillfactory_core.errors import SkillFactoryError

WEIGHTS = Path(__file__).parent / "weights"
TARGET = click.option(
    "--weights",
    default=WEIGHTS,
    type=click.Path(path_type=Path),
    help="Folder of the weights. Default: the package's own.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Make pocket, the embedded base model, again."""


@main.command()
@TARGET
@click.option(
    "--work",
    default=Path("runs/pretrain"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the checkpoint: the same command goes on from it.",
)
@click.option(
    "--steps",
    default=None,
    type=click.IntRange(1),
    help="About how many optimiser steps. Default: those of the shipped weights.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the corpus and the weights.")
def pretrain(weights: Path, work: Path, steps: int | None, seed: int) -> None:
    """Corpus, tokenizer and training loop: write the weights."""
    from skillfactory_pocket.pretrain import Recipe, pretrain

    recipe = Recipe(seed=seed)
    if steps:
        share = steps / sum(phase.steps for phase in recipe.phases)
        phases = tuple(attrs.evolve(phase, steps=max(1, round(phase.steps * share))) for phase in recipe.phases)
        recipe = attrs.evolve(recipe, phases=phases)
    try:
        pretrain(weights, work, recipe)
    except SkillFactoryError as error:
        raise click.UsageError(str(error)) from error


@main.command()
@TARGET
@click.option("--problems", default=400, show_default=True, help="Held-out problems per task and difficulty.")
@click.option("--samples", default=4, show_default=True, help="Attempts per problem.")
@click.option(
    "--task", "tasks", multiple=True, help="Only this task, and a card of it alone; may be repeated. Default: all."
)
def card(weights: Path, problems: int, samples: int, tasks: tuple[str, ...]) -> None:
    """Measure the model on its own attempts and write its card."""
    from skillfactory_pocket.card import EXAMS, write_card

    for unknown in set(tasks) - set(EXAMS):
        raise click.UsageError(f"pocket was not pretrained on task '{unknown}': it was on {', '.join(EXAMS)}")
    click.echo(write_card(weights, problems, samples, tasks or tuple(EXAMS)))


@main.command()
@click.option("--count", default=20, show_default=True, help="How many documents.")
@click.option("--seed", default=0, show_default=True, help="Seed of the corpus.")
def corpus(count: int, seed: int) -> None:
    """Print documents of the pretraining corpus, as its first phases read them."""
    from itertools import islice

    from skillfactory_pocket.corpus.mixture import documents

    for document in islice(documents(seed), count):
        click.echo(f"[{document.kind} {document.task}] {document.prompt}\n{document.completion}\n")
