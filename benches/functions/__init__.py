"""What the functions on AWS cost: `measure.py` finds it out, and `cargo xtask bench functions` writes it down."""
