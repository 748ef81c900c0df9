# The project's commands; `pip install rust-just`, or `uvx --from rust-just just`.

default:
    @just --list

# Everything that is needed, into .venv
setup:
    uv sync

# The main job on what the project carries itself
quickstart:
    uv run signverse quickstart

# All tests; `just test -m "not slow"` leaves out those over ten seconds
test *arguments:
    uv run pytest {{arguments}}

# Formatting, linting, types, and which room may know which
lint:
    uv run ruff format --check .
    uv run ruff check .
    uv run mypy
    uv run lint-imports

# Speed and size against what one would use instead
bench *arguments:
    uv run python -m bench {{arguments}}

# The shard of synthetic signers that quickstart imports
sample:
    rm -rf .sample
    uv run python -m signverse.ingest.sample.make_lake .sample/lake
    uv run signverse export shards --lake .sample/lake --out .sample/out
    cp .sample/out/Sign_DWPose_NPZ_000001.tar ingest/sample/synthetic.tar
    rm -rf .sample

# The two-second clip of a public-domain portrait
astronaut:
    uv run --with scikit-image python ingest/sample/make_astronaut.py

# The help texts in the README
readme:
    uv run python -m tests.readme

# The page of the SQL, out of the comments in sql/
docs:
    uv run python -m tests.docs
