# The project's commands. `uv run just TARGET`; `just` alone where it is installed (`uv tool install rust-just`).

default:
    @just --list

# Install everything that is needed into .venv
setup:
    uv sync

# Run the main job on the sample that the project carries
quickstart:
    uv run signverse quickstart

# Run the fast tests, or those that are named
test *arguments:
    uv run pytest {{arguments}}

# Run the slow tests, which the others leave out
test-slow *arguments:
    uv run pytest -m slow {{arguments}}

# Fail, cut or kill at every n-th change of the disk: all scenarios, or those that are named (--help says more)
faults *arguments:
    uv run python -m tests.faults {{arguments}}

# Read randomly changed files with every reader, or those that are named (--seconds N for each, --help says more)
fuzz *arguments:
    uv run python -m tests.fuzz {{arguments}}

# Check formatting, style, types, and which room imports which
lint:
    uv run ruff format --check .
    uv run ruff check .
    uv run mypy
    uv run lint-imports

# Measure speed and size against the alternatives: all benchmarks, or those that are named
bench *arguments:
    uv run python -m bench {{arguments}}

# Write the pages of docs/ that are made from the code
docs:
    uv run python -m tests.docs.generate

# Build the site into site/; broken links fail
site:
    uv run zensical build --strict

# Show the site at http://localhost:8000 while you write
site-preview:
    uv run zensical serve

# Draw the pictures of README and docs
pictures:
    uv run python -m tests.docs.pictures

# Make the shard of synthetic signers that quickstart imports
sample:
    rm -rf .sample
    uv run python -m signverse.ingest.sample.make_lake .sample/lake
    uv run signverse export shards --lake .sample/lake --out .sample/out
    cp .sample/out/Sign_DWPose_NPZ_000001.tar ingest/sample/synthetic.tar
    rm -rf .sample

# Make the two-second clip of a public-domain portrait
astronaut:
    uv run --with scikit-image python ingest/sample/make_astronaut.py
