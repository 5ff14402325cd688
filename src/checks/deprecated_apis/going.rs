//! Which of the APIs that are served now go away, and when.

use crate::catalog::{Api, Catalog, Replacement};
use crate::checks::{Severity, Target};
use crate::evidence::ServedApis;
use crate::version::Minor;

/// An API that is served now and that a later minor does not serve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Going {
    /// The catalog's row.
    pub(super) api: &'static Api,
    /// The first minor without it.
    pub(super) gone: Minor,
    /// What its use weighs: a blocker if it goes in the first hop, a warning if later.
    pub(super) severity: Severity,
}

impl Going {
    /// How the catalog's row stands to a target; `None` for one that does not go, or went before.
    pub(super) fn of(api: &'static Api, target: &Target) -> Option<Self> {
        let gone = api.first_not_serving.filter(|gone| *gone > target.from.minor())?;
        Some(Self { api, gone, severity: severity(gone, target) })
    }

    /// The key of its objects in the evidence: `flowschemas.flowcontrol.apiserver.k8s.io`.
    pub(super) fn resource(&self) -> String {
        resource(&self.api.resource, &self.api.group)
    }

    /// Whether an object has to be deleted before the hop: the servers after it have no type to decode what is
    /// stored, and those before it serve nothing that could be stored instead.
    pub(super) fn objects_must_go(&self, catalog: &Catalog) -> bool {
        let before = Minor { minor: self.gone.minor.saturating_sub(1), ..self.gone };
        self.api.types_left == Some(self.gone)
            && catalog.replacement(self.api, &[before, self.gone]).is_none()
    }

    /// What to write instead, if servers before and after the hop serve it.
    pub(super) fn replacement(&self, catalog: &Catalog, target: &Target) -> Option<&'static Replacement> {
        catalog.replacement(self.api, &[target.from.minor(), self.gone])
    }

    /// `blocker at 1.32`, for what the first hop does not yet bring.
    pub(super) fn when(&self) -> String {
        match self.severity {
            Severity::Blocker => format!("{} does not serve it", self.gone),
            _ => format!("a blocker at {}, which does not serve it", self.gone),
        }
    }
}

/// `flowschemas.flowcontrol.apiserver.k8s.io`, or the resource alone in the core group.
pub(super) fn resource(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

/// What the use of an API weighs that `gone` is the first not to serve.
pub(super) fn severity(gone: Minor, target: &Target) -> Severity {
    if gone <= target.first_hop() { Severity::Blocker } else { Severity::Warning }
}

/// All APIs that are served now and go, those of the first hop first.
pub(super) fn going(catalog: &'static Catalog, served: &ServedApis, target: &Target) -> Vec<Going> {
    let rows = catalog.apis().iter().filter_map(|api| Going::of(api, target));
    let mut going: Vec<Going> = rows
        .filter(|going| served.serves(&going.api.group, &going.api.version, &going.api.resource))
        .collect();
    going.sort_by_key(|going| going.gone);
    going
}

/// The worst that can hide where it is not known which APIs are served, called or written: a blocker only if
/// the first hop takes one of `candidates` away.
pub(super) fn worst<'a>(candidates: impl IntoIterator<Item = &'a Going>) -> Severity {
    candidates.into_iter().map(|going| going.severity).min().unwrap_or(Severity::Warning)
}
