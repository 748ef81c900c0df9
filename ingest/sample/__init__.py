"""What the package brings along to try itself on: synthetic signers and a public-domain portrait."""
