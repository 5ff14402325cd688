//! What `--scope api` leaves out, said once a pane.

use crate::checks::{Finding, Severity, Subject};
use crate::evidence::Evidence;

/// The code of the notice.
pub const CODE: &str = "OutOfScope";

/// The notice that `what` was left out.
pub fn left_out(evidence: &Evidence, what: &str) -> Finding {
    Finding::new(
        CODE,
        Severity::Notice,
        Subject::thing("Cluster", &evidence.cluster.name),
        format!("left out by --scope api: {what}"),
    )
    .why("The verdict says nothing of it.")
}
