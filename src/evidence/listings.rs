//! How far each listing has come, without its objects: what a screen says while it is still reading.

use jiff::Timestamp;

use super::{Evidence, Listing, Progress, Unread};
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
    /// The moment that it is known of; `None` where it is watched, and so always of now, or not read at all.
    pub as_of: Option<Timestamp>,
    /// Why it is not watched, though it is read from time to time.
    pub unwatched: Option<&'a Unread>,
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
            as_of: self.as_of(),
            unwatched: self.unwatched.as_ref(),
        }
    }
}

impl<T> Listing<T> {
    fn as_of(&self) -> Option<Timestamp> {
        let read = self.stamp.as_ref().map(|stamp| stamp.at).filter(|_| self.progress == Progress::Done);
        // What was read only in some namespaces is not watched, either.
        let is_watched = self.unwatched.is_none() && self.unread.is_empty();
        if is_watched { self.stale_since } else { read }
    }
}

impl Evidence {
    /// The moment of which everything that was listed is known at least: that of the oldest listing that is not
    /// watched, or no longer.
    pub fn known_as_of(&self) -> Timestamp {
        self.listings().iter().filter_map(|listing| listing.as_of).fold(self.at, Timestamp::min)
    }

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
    use crate::evidence::objects::Pod;
    use crate::evidence::{Cluster, Scope};
    use crate::evidence::{Reason, Stamp};

    #[test]
    fn what_is_known_is_as_old_as_the_oldest_listing_that_is_not_watched() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut evidence = Evidence::nothing(Cluster::default(), Scope::All, at(100));
        assert_eq!(evidence.known_as_of(), at(100));
        let stamp = |second| Stamp { at: at(second), how: "x".into() };
        let pods: Listing<Pod> = Listing::complete("pods", Vec::new(), stamp(10));
        let of = |pods: Listing<Pod>| {
            let mut evidence = evidence.clone();
            evidence.objects.pods = pods;
            (evidence.known_as_of(), evidence.unread().iter().any(|gap| gap.verb == "watch"))
        };
        // It was read long ago and has been watched since.
        assert_eq!(of(pods.clone()), (at(100), false));
        let refused = Unread::new("watch", "pods", Reason::Forbidden, "no");
        // Named, but no gap: polling is as good, only older.
        let polled = Listing { unwatched: Some(refused), ..pods.clone() };
        assert!(polled.is_complete() && polled.gaps().is_empty());
        assert_eq!(of(polled), (at(10), true));
        let some = Unread::new("list", "pods", Reason::Forbidden, "read only in shop");
        assert_eq!(of(Listing { unread: vec![some], ..pods.clone() }).0, at(10));
        assert_eq!(of(Listing { stale_since: Some(at(50)), ..pods }).0, at(50));
        evidence.at = at(5);
        assert_eq!(evidence.known_as_of(), at(5));
    }

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
