//! Where the API servers are: in the Service default/kubernetes, and by the Leases that say of each that it lives.
//!
//! A server that ends in order takes itself out of the Service at once, and one that was killed is taken out after some
//! seconds; its Lease stays for an hour. Source: k8s.io/kubernetes pkg/controlplane/reconcilers and
//! pkg/controlplane/controller/apiserverleasegc, 1.30.14.

use jiff::SignedDuration;

use crate::evidence::objects::{EndpointSlice, Lease, Node};
use crate::evidence::{Listing, Reason, Unread};
use crate::text::Text;

/// How many servers are asked at most. No control plane has that many.
const MAX_SERVERS: usize = 32;

/// kubeadm's port, where no endpoint names another.
const PORT: i32 = 6443;

/// After this long a server that does not renew its Lease is gone, though the Lease holds for an hour.
const ALIVE: SignedDuration = SignedDuration::from_secs(60);

/// The servers' addresses, and what is known only to exist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// `host:port`, each once, in order.
    pub(super) addresses: Vec<Text>,
    /// Servers without an address.
    pub(super) unread: Vec<Unread>,
}

/// The servers that the Service leads to, and those that only a Lease names.
pub(super) fn find(slices: &Listing<EndpointSlice>, leases: &Listing<Lease>, nodes: &Listing<Node>) -> Found {
    let port = slices.iter().flat_map(|slice| &slice.ports).find_map(|port| port.port);
    let hosts: Vec<&str> = slices
        .iter()
        .flat_map(|slice| &slice.endpoints)
        .filter_map(|endpoint| endpoint.addresses.first())
        .map(Text::as_str)
        .collect();
    let mut found = Found::default();
    for slice in slices.iter() {
        let port = slice.ports.iter().find_map(|port| port.port).unwrap_or(PORT);
        let endpoints = slice.endpoints.iter().filter_map(|endpoint| endpoint.addresses.first());
        found.addresses.extend(endpoints.map(|host| address(host, port)));
    }
    found.addresses.sort();
    found.addresses.dedup();

    let identities = identities(leases, nodes);
    // A Node's address need not be the one that its server advertises, so only numbers say that one is missing.
    let missing = identities.len().saturating_sub(found.addresses.len());
    let beside: Vec<&Identity<'_>> = identities
        .iter()
        .filter(|identity| !identity.addresses.iter().any(|own| hosts.contains(own)))
        .collect();
    if missing > 0 {
        let dialled: Option<Vec<&str>> =
            beside.iter().map(|identity| identity.addresses.first().copied()).collect();
        match dialled {
            Some(dialled) if dialled.len() == missing => {
                found.addresses.extend(dialled.iter().map(|host| address(host, port.unwrap_or(PORT))));
                found.addresses.sort();
            }
            _ => {
                let of: Vec<&str> = beside.iter().map(|identity| identity.host).collect();
                let message = format!(
                    "by their Leases there are {}, and the Service default/kubernetes leads to {}; not known by \
                     address: one or more of {}",
                    identities.len(),
                    found.addresses.len(),
                    of.join(", ")
                );
                found.unread.push(Unread::new("get", "API servers", Reason::Unreachable, &message));
            }
        }
    }
    found.addresses.truncate(MAX_SERVERS);
    found
}

/// A server by its Lease.
struct Identity<'a> {
    host: &'a str,
    /// The addresses of its Node, which may not be known.
    addresses: Vec<&'a str>,
}

/// The servers whose Lease still holds. One whose Node is gone counts while it renews only.
fn identities<'a>(leases: &'a Listing<Lease>, nodes: &'a Listing<Node>) -> Vec<Identity<'a>> {
    // The newest renewal is as late as the clock of the cluster shows.
    let Some(now) = leases.iter().filter_map(|lease| lease.spec.renew_time).max() else { return Vec::new() };
    let alive = |lease: &Lease| lease.spec.renew_time.is_some_and(|at| now.duration_since(at) < ALIVE);
    let of = |lease: &'a Lease| {
        let label = |name: &str| lease.metadata.labels.get(name);
        (label("apiserver.kubernetes.io/identity") == Some("kube-apiserver")).then_some(())?;
        let host = label("kubernetes.io/hostname").unwrap_or(&lease.metadata.name);
        let node = nodes.iter().find(|node| {
            node.metadata.labels.get("kubernetes.io/hostname").unwrap_or(&node.metadata.name) == host
        });
        let counts = if node.is_some() { lease.is_held_at(now) } else { alive(lease) };
        let internal = |node: &'a Node| {
            node.status.addresses.iter().filter(|a| a.kind == "InternalIP").map(|a| a.address.as_str())
        };
        counts.then(|| Identity { host, addresses: node.into_iter().flat_map(internal).collect() })
    };
    leases.iter().filter_map(of).collect()
}

fn address(host: &str, port: i32) -> Text {
    Text::from(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Stamp;
    use jiff::Timestamp;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn listing<T: DeserializeOwned>(objects: Vec<Value>) -> Listing<T> {
        let stamp = Stamp { at: Timestamp::UNIX_EPOCH, how: "".into() };
        let parsed = objects.into_iter().map(|object| serde_json::from_value(object).unwrap());
        Listing::complete("x", parsed.collect(), stamp)
    }

    fn slices(hosts: &[&str]) -> Listing<EndpointSlice> {
        let endpoints: Vec<Value> = hosts.iter().map(|host| json!({ "addresses": [host] })).collect();
        listing(vec![json!({ "endpoints": endpoints, "ports": [{ "name": "https", "port": 6443 }] })])
    }

    fn nodes(of: &[(&str, &str)]) -> Listing<Node> {
        let node = |(name, address): &(&str, &str)| {
            json!({ "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
                "status": { "addresses": [{ "type": "InternalIP", "address": address }] } })
        };
        listing(of.iter().map(node).collect())
    }

    /// Leases of hosts, each renewed so many seconds ago.
    fn leases(of: &[(&str, i64)]) -> Listing<Lease> {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let lease = |(host, ago): &(&str, i64)| {
            json!({ "metadata": { "name": format!("apiserver-{host}"), "labels": {
                    "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": host } },
                "spec": { "holderIdentity": "x", "leaseDurationSeconds": 3600,
                    "renewTime": now - SignedDuration::from_secs(*ago) } })
        };
        let other = json!({ "metadata": { "name": "kube-scheduler" }, "spec": { "renewTime": now } });
        listing(of.iter().map(lease).chain([other]).collect())
    }

    const NODES: &[(&str, &str)] = &[("cp1", "10.0.0.1"), ("cp2", "10.0.0.2"), ("cp3", "10.0.0.3")];

    fn addresses(
        slices: &Listing<EndpointSlice>,
        leases: &Listing<Lease>,
        nodes: &Listing<Node>,
    ) -> Vec<Text> {
        let found = find(slices, leases, nodes);
        assert_eq!(found.unread, []);
        found.addresses
    }

    #[test]
    fn addresses_are_those_of_the_slices_each_once() {
        let v6 = json!({ "endpoints": [{ "addresses": ["fd00::1"] }], "ports": [{ "port": 443 }] });
        let v4 = json!({ "endpoints": [{ "addresses": ["10.0.0.2"] }, { "addresses": ["10.0.0.1"] }, { "addresses": ["10.0.0.2"] }],
            "ports": [{ "name": "https", "port": 6443 }] });
        let expected = ["10.0.0.1:6443", "10.0.0.2:6443", "[fd00::1]:443"];
        assert_eq!(addresses(&listing(vec![v4, v6]), &leases(&[]), &nodes(&[])), expected);
    }

    #[test]
    fn a_server_that_left_the_service_is_known_by_its_lease() {
        let three = leases(&[("cp1", 5), ("cp2", 5), ("cp3", 1800)]);
        let expected = ["10.0.0.1:6443", "10.0.0.2:6443", "10.0.0.3:6443"];
        assert_eq!(addresses(&slices(&["10.0.0.1", "10.0.0.2"]), &three, &nodes(NODES)), expected);
        assert_eq!(
            addresses(&slices(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]), &three, &nodes(NODES)),
            expected,
            "nobody is missing"
        );
        // After an hour its Lease holds no more; and a machine that was taken out leaves nothing to dial.
        let two = ["10.0.0.1:6443", "10.0.0.2:6443"];
        let gone = leases(&[("cp1", 5), ("cp2", 5), ("cp3", 3700)]);
        assert_eq!(addresses(&slices(&["10.0.0.1", "10.0.0.2"]), &gone, &nodes(NODES)), two);
        assert_eq!(addresses(&slices(&["10.0.0.1", "10.0.0.2"]), &three, &nodes(&NODES[..2])), two);
    }

    #[test]
    fn where_servers_advertise_other_addresses_than_their_nodes_none_is_dialled_twice() {
        let three = leases(&[("cp1", 5), ("cp2", 5), ("cp3", 5)]);
        let other = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
        let expected = ["192.0.2.1:6443", "192.0.2.2:6443", "192.0.2.3:6443"];
        assert_eq!(addresses(&slices(&other), &three, &nodes(NODES)), expected);
        let found = find(&slices(&other[..2]), &three, &nodes(NODES));
        assert_eq!(found.addresses, expected[..2]);
        assert_eq!(found.unread.len(), 1);
        assert!(found.unread[0].message.contains("cp1, cp2, cp3"), "{}", found.unread[0]);
    }

    #[test]
    fn leases_without_nodes_are_told_by_number() {
        let two = leases(&[("a", 5), ("b", 5)]);
        assert_eq!(addresses(&slices(&["10.0.0.1", "10.0.0.2"]), &two, &nodes(&[])).len(), 2);
        let found = find(&slices(&["10.0.0.1"]), &two, &nodes(&[]));
        assert_eq!((found.addresses.len(), found.unread.len()), (1, 1));
    }
}
