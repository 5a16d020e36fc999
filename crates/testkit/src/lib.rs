//! Dev-only: a fake clock, seeded randomness, an in-process instance, vectors.
