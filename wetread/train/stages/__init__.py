"""The stages of an experiment, by what they learn; ``train.pipeline`` puts them in order."""
