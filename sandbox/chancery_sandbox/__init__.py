"""AWS on one machine: moto's services mended where they differ from AWS, and functions that really run."""
