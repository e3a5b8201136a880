"""Topics, agents and tables, as text and as a Mermaid diagram."""

import click
from aiokafka.errors import KafkaError

from app.commands.base import Out, command, settings
from app.history.read.reader import partition_counts
from app.history.tell.topology import Topology, mermaid, topology_of


@command()
@click.option("--mermaid", "as_diagram", is_flag=True, help="The diagram only, for a page that draws Mermaid.")
async def topology(out: Out, *, as_diagram: bool) -> int:
    """Topics, agents and tables, with the partition counts of the running system where the broker answers."""
    plan = topology_of(settings(), {})
    try:
        counts = await partition_counts(settings(), [topic.name for topic in plan.topics])
    except (KafkaError, OSError) as error:
        out.remark(f"rollcall: the broker does not answer ({type(error).__name__}): partition counts are not known")
    else:
        plan = topology_of(settings(), counts)
    if out.as_json:
        out.json({**plan.model_dump(mode="json"), "mermaid": mermaid(plan)})
    elif as_diagram:
        click.echo(mermaid(plan), nl=False)
    else:
        _show(plan)
    return 0


def _show(plan: Topology) -> None:
    width = max(len(topic.name) for topic in plan.topics)
    click.echo("Topics")
    for topic in plan.topics:
        count = "does not exist" if topic.partitions is None else f"{topic.partitions} partitions"
        click.echo(f"  {topic.name:{width}}  {topic.role:10}  {count if plan.asked else ''}".rstrip())
    click.echo("Agents")
    for agent in plan.agents:
        click.echo(f"  {agent.name}: {agent.does}")
        click.echo(f"    reads  {', '.join(agent.reads)}")
        click.echo(f"    writes {', '.join(agent.writes)}")
    click.echo(f"Tables (one changelog, {plan.changelog})")
    for table in plan.tables:
        click.echo(f"  {table.name}: {table.holds}")
