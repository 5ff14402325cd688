//! How far each listing has come, without its objects: what a screen says while it is still reading.

use jiff::Timestamp;

use super::{Evidence, Listing, Progress};
use crate::text::Text;

/// How far a listing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingState<'a> {
    /// Kubernetes' name of the resource: `pods`, `deployments.apps`.
    pub resource: &'a Text,
    /// How many objects are there.
    pub objects: usize,
    /// Whether anything was read, be it that there are no objects.
    pub is_read: bool,
    /// How far the first read has come.
    pub progress: Progress,
    /// Since when it is no longer kept up to date.
    pub stale_since: Option<Timestamp>,
}

impl<T> Listing<T> {
    /// How far it has come.
    pub fn state(&self) -> ListingState<'_> {
        ListingState {
            resource: &self.resource,
            objects: self.items.len(),
            is_read: self.stamp.is_some(),
            progress: self.progress,
            stale_since: self.stale_since,
        }
    }
}

impl Evidence {
    /// How far every listing has come.
    pub fn listings(&self) -> Vec<ListingState<'_>> {
        let objects = &self.objects;
        let mut states = vec![
            objects.nodes.state(),
            objects.pods.state(),
            objects.csi_nodes.state(),
            objects.csi_drivers.state(),
            objects.persistent_volumes.state(),
            objects.storage_classes.state(),
            objects.pod_disruption_budgets.state(),
            objects.leases.state(),
            objects.endpoint_slices.state(),
        ];
        states.extend(objects.workloads.values().map(Listing::state));
        states.extend(objects.managed.values().map(|managed| managed.listing.state()));
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Cluster, Scope};

    #[test]
    fn every_listing_that_can_have_gaps_is_there() {
        let evidence = Evidence::nothing(Cluster::default(), Scope::All, Timestamp::UNIX_EPOCH);
        let listed: Vec<_> = evidence.listings().iter().map(|state| state.resource.to_string()).collect();
        for gap in evidence.objects.gaps() {
            assert!(listed.contains(&gap.resource.to_string()), "{gap}");
        }
        assert!(evidence.listings().iter().all(|state| state.progress == Progress::Waiting));
    }

    #[test]
    fn what_an_older_recording_does_not_have_is_unread() {
        let evidence = Evidence::nothing(Cluster::default(), Scope::All, Timestamp::UNIX_EPOCH);
        let mut recorded = serde_json::to_value(&evidence).unwrap();
        recorded["objects"].as_object_mut().unwrap().remove("podDisruptionBudgets").unwrap();
        let opened: Evidence = serde_json::from_value(recorded).unwrap();
        let budgets = &opened.objects.pod_disruption_budgets;
        assert!(!budgets.is_complete());
        let [gap] = &budgets.gaps()[..] else { panic!("{:?}", budgets.gaps()) };
        assert_eq!(
            gap.to_string(),
            "list poddisruptionbudgets.policy: not provided (the recording was made by a kubelift that did not read them)"
        );
    }
}
