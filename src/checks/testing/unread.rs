//! Sources turned unread, one after the other.

use std::sync::Arc;

use super::World;
use crate::evidence::objects::Kind;
use crate::evidence::{ApiServers, Evidence, Listing, Reading, Reason, Unread};

impl World {
    /// The same world with one source after the other unread, each with a name.
    pub(crate) fn each_unread(&self) -> Vec<(String, Self)> {
        let mut worlds: Vec<(String, Self)> = Vec::new();
        let mut without = |name: String, hide: &dyn Fn(&mut Evidence)| {
            let mut world = self.clone();
            hide(&mut world.evidence);
            worlds.push((name, world));
        };
        without("nodes".into(), &|e| refuse(&mut e.objects.nodes));
        without("pods".into(), &|e| refuse(&mut e.objects.pods));
        for kind in Kind::ALL {
            without(kind.resource().into(), &|e| refuse(e.objects.workloads.get_mut(&kind).unwrap()));
        }
        without("csinodes.storage.k8s.io".into(), &|e| refuse(&mut e.objects.csi_nodes));
        without("csidrivers.storage.k8s.io".into(), &|e| refuse(&mut e.objects.csi_drivers));
        without("persistentvolumes".into(), &|e| refuse(&mut e.objects.persistent_volumes));
        without("storageclasses.storage.k8s.io".into(), &|e| refuse(&mut e.objects.storage_classes));
        without("poddisruptionbudgets.policy".into(), &|e| refuse(&mut e.objects.pod_disruption_budgets));
        without("leases.coordination.k8s.io".into(), &|e| refuse(&mut e.objects.leases));
        without("endpointslices.discovery.k8s.io".into(), &|e| {
            refuse(&mut e.objects.endpoint_slices);
            let unread = e.objects.endpoint_slices.unread.clone();
            e.servers = ApiServers { servers: Vec::new(), unread, listed: false };
        });
        for name in self.evidence.objects.managed.keys() {
            without(name.to_string(), &|e| refuse(&mut e.objects.managed.get_mut(name).unwrap().listing));
        }
        for name in self.evidence.config_maps.keys() {
            without(format!("configmaps of {name}"), &|e| {
                let unread = denied("get", "configmaps").in_namespace("kube-system").of(name);
                e.config_maps.insert(name.clone(), Reading::Unread(unread));
            });
        }
        without("/apis".into(), &|e| e.served = Reading::Unread(denied("get", "/apis")));
        without("a server".into(), &|e| e.servers.unread.push(denied("get", "a server")));
        for (index, server) in self.evidence.servers.servers.iter().enumerate() {
            let gone = |path: &str| Unread::new("get", path, Reason::Unreachable, "").of(&server.address);
            without(format!("/version of {}", server.address), &|e| {
                e.servers.servers[index].version = Reading::Unread(gone("/version"));
            });
            without(format!("/readyz of {}", server.address), &|e| {
                e.servers.servers[index].ready = Reading::Unread(gone("/readyz"));
            });
            without(format!("/metrics of {}", server.address), &|e| {
                e.servers.servers[index].deprecated_calls = Reading::Unread(gone("/metrics"));
            });
        }
        for node in self.evidence.node_facts.keys() {
            without(format!("node facts of {node}"), &|e| {
                e.node_facts.remove(node);
            });
        }
        without("all node facts".into(), &|e| e.node_facts.clear());
        without("backups".into(), &|e| {
            e.backups = Reading::Unread(Unread::new("stat", "backups", Reason::NotProvided, ""));
            for reading in e.node_facts.values_mut() {
                if let Reading::Read { value, .. } = reading {
                    std::sync::Arc::make_mut(value).backups = None;
                }
            }
        });
        worlds
    }
}

fn denied(verb: &str, resource: &str) -> Unread {
    Unread::new(verb, resource, Reason::Forbidden, "")
}

/// Turns a listing into a refused one.
fn refuse<T>(listing: &mut Listing<T>) {
    listing.items = Arc::from([]);
    listing.unread = vec![denied("list", &listing.resource)];
}
