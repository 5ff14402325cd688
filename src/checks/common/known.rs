//! The catalog, for checks.

use crate::catalog::Catalog;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::{Reason, Unread};

/// The catalog, or the finding that kubelift itself is broken: nothing is known then, and nothing is fine.
///
/// # Errors
/// That finding.
pub fn catalog() -> Result<&'static Catalog, Box<Finding>> {
    Catalog::get().map_err(|error| {
        let unread = Unread::new("read", "kubelift's own catalog", Reason::Malformed, &error.to_string());
        Box::new(Finding::unknown(
            "CatalogBroken",
            Severity::Blocker,
            Subject::thing("Kubelift", "catalog"),
            &unread,
        ))
    })
}
