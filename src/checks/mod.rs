//! The checks: pure functions of evidence and target. One file a check.
