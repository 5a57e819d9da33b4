"""A signal in time, sampled at one rate and quantised by mu-law into 256 levels."""
