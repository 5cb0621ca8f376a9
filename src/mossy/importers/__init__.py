"""From other programs' networks to `mossy.network`: one file per source, found by its name."""
