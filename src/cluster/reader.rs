//! Everything that is read of one cluster: the tasks that read, and the evidence that they make together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::ask::Asker;
use super::client::Connection;
use super::cluster_name;
use super::credentials::{Authorizer, CredentialState, PATIENCE};
use super::list::Lister;
use super::named::{self, Named};
use super::namespaces::Namespaces;
use super::pulse::Pulse;
use super::servers::Servers;
use super::what::{self, What};
use crate::catalog::Catalog;
use crate::evidence::objects::{
    CsiDriver, CsiNode, EndpointSlice, Kind, Lease, ManagedObject, Node, PersistentVolume, Pod,
    PodDisruptionBudget, StorageClass, Workload,
};
use crate::evidence::{ApiServers, Cluster, Evidence, Listing, ManagedListing, Reading, Scope, ServedApis};
use crate::text::Text;
use crate::version::Version;

/// How many pages are asked for at a time. The server is the limit: more would only take from others.
const PAGES_AT_A_TIME: usize = 4;

/// How often ConfigMaps and discovery are read again.
const REREAD_EVERY: Duration = Duration::from_secs(120);

/// Reads a cluster. Dropping it ends its tasks.
pub struct Reader {
    cluster: Cluster,
    scope: Scope,
    pulse: Pulse,
    feeds: Feeds,
    authorizer: Authorizer,
    refresh: watch::Sender<u64>,
    /// Counts up when what is read by name is to be read again.
    look_again: watch::Sender<u64>,
    tasks: JoinSet<()>,
}

/// The ends of the tasks, of which evidence is put together.
struct Feeds {
    nodes: watch::Receiver<Listing<Node>>,
    pods: watch::Receiver<Listing<Pod>>,
    workloads: BTreeMap<Kind, watch::Receiver<Listing<Workload>>>,
    csi_nodes: watch::Receiver<Listing<CsiNode>>,
    csi_drivers: watch::Receiver<Listing<CsiDriver>>,
    persistent_volumes: watch::Receiver<Listing<PersistentVolume>>,
    storage_classes: watch::Receiver<Listing<StorageClass>>,
    pod_disruption_budgets: watch::Receiver<Listing<PodDisruptionBudget>>,
    leases: watch::Receiver<Listing<Lease>>,
    endpoint_slices: watch::Receiver<Listing<EndpointSlice>>,
    servers: watch::Receiver<ApiServers>,
    served: watch::Receiver<Reading<ServedApis>>,
    managed: watch::Receiver<BTreeMap<Text, Managed>>,
    named: watch::Receiver<Named>,
}

/// A listing of [`ManagedObject`]s and what it is of.
#[derive(Clone)]
struct Managed {
    group: Text,
    version: Text,
    kind: Text,
    listing: watch::Receiver<Listing<ManagedObject>>,
}

/// What all tasks share.
#[derive(Clone)]
struct Shared {
    asker: Asker,
    gate: Arc<Semaphore>,
    namespaces: Arc<Namespaces>,
    refresh: watch::Receiver<u64>,
    follow: bool,
}

impl Shared {
    fn of(connection: &Connection, pulse: Pulse, refresh: watch::Receiver<u64>, follow: bool) -> Self {
        let namespace = connection.resolved().namespace.as_deref().unwrap_or("default");
        Self {
            asker: Asker::entry(connection.client().clone(), connection.address(), pulse),
            gate: Arc::new(Semaphore::new(PAGES_AT_A_TIME)),
            namespaces: Arc::new(Namespaces::new(namespace)),
            refresh,
            follow,
        }
    }
}

impl Feeds {
    /// Starts every task that reads evidence. `looks` counts up when what is read by name is to be read again.
    fn start(
        tasks: &mut JoinSet<()>,
        shared: &Shared,
        connection: Connection,
        catalog: &'static Catalog,
        looks: watch::Receiver<u64>,
    ) -> Self {
        let (out, named) = named::channel();
        let every = shared.follow.then_some(REREAD_EVERY);
        tasks.spawn(named::run(out, shared.asker.clone(), looks.clone(), every));
        let nodes = spawn::<Node>(tasks, shared, what::nodes());
        let endpoint_slices = spawn::<EndpointSlice>(tasks, shared, what::endpoint_slices());
        let leases = spawn::<Lease>(tasks, shared, what::leases());
        let (asking, servers) = Servers::new(
            connection,
            shared.asker.clone(),
            shared.asker.pulse().clone(),
            endpoint_slices.clone(),
            leases.clone(),
            nodes.clone(),
        );
        if shared.follow {
            tasks.spawn(asking.follow(shared.refresh.clone(), looks));
        } else {
            tasks.spawn(asking.once());
        }
        let (served_out, served) = watch::channel(Reading::Unread(super::discover::pending()));
        let (managed_out, managed) = watch::channel(BTreeMap::new());
        tasks.spawn(discover(shared.clone(), catalog, servers.clone(), served_out, managed_out));
        Self {
            nodes,
            endpoint_slices,
            servers,
            served,
            managed,
            named,
            leases,
            csi_nodes: spawn(tasks, shared, what::csi_nodes()),
            csi_drivers: spawn(tasks, shared, what::csi_drivers()),
            storage_classes: spawn(tasks, shared, what::storage_classes()),
            persistent_volumes: spawn(tasks, shared, what::persistent_volumes()),
            pod_disruption_budgets: spawn(tasks, shared, what::pod_disruption_budgets()),
            workloads: Kind::ALL
                .into_iter()
                .map(|kind| (kind, spawn(tasks, shared, what::workloads(kind))))
                .collect(),
            pods: spawn(tasks, shared, what::pods()),
        }
    }
}

impl Reader {
    /// Begins to read through `connection`: once, or on and on where `follow` says so.
    pub fn start(connection: Connection, catalog: &'static Catalog, scope: Scope, follow: bool) -> Self {
        let cluster = Cluster {
            name: connection.resolved().cluster.clone(),
            context: connection.resolved().context.clone(),
            server: connection.address(),
            uid: None,
        };
        let pulse = connection.new_pulse();
        let authorizer = connection.authorizer().clone();
        let (refresh, refreshed) = watch::channel(0);
        let (look_again, looks) = watch::channel(0);
        let shared = Shared::of(&connection, pulse.clone(), refreshed, follow);
        let mut tasks = JoinSet::new();
        if follow {
            tasks.spawn(watch_credentials(authorizer.subscribe(), pulse.clone()));
        }
        let feeds = Feeds::start(&mut tasks, &shared, connection, catalog, looks);
        Self { cluster, scope, pulse, feeds, authorizer, refresh, look_again, tasks }
    }

    /// Renews the credentials and reads everything again; what somebody has to log in for is not waited for.
    pub fn refresh(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        let (authorizer, refresh) = (self.authorizer.clone(), self.refresh.clone());
        let look_again = self.look_again.clone();
        self.tasks.spawn(async move {
            let again = || {
                refresh.send_modify(|count| *count += 1);
                look_again.send_modify(|count| *count += 1);
            };
            let mut renewal = std::pin::pin!(authorizer.renew());
            if tokio::time::timeout(PATIENCE, &mut renewal).await.is_err() {
                again();
                // Why it failed is in the evidence.
                drop(renewal.await);
            }
            again();
        });
    }

    /// Reads what is read by name again, kubeadm's configuration above all, and asks the API servers: an upgrade waits for
    /// what these say.
    pub fn look_again(&self) {
        self.look_again.send_modify(|count| *count += 1);
    }

    /// Wakes whenever [`Reader::evidence`] may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.pulse.subscribe()
    }

    /// Waits until every task has read once. Only for a reader that does not follow.
    pub async fn finished(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// All that has been observed up to now. Cheap: objects are shared, not copied.
    pub fn evidence(&self) -> Evidence {
        let feeds = &self.feeds;
        let mut evidence = Evidence::nothing(self.cluster.clone(), self.scope, self.pulse.now());
        evidence.servers = feeds.servers.borrow().clone();
        evidence.served = feeds.served.borrow().clone();
        let named = feeds.named.borrow().clone();
        evidence.cluster.uid = named.uid;
        evidence.uid_unread = named.uid_unread;
        if let Some(name) = named.config_maps.get("kubeadm-config").and_then(cluster_name::of_kubeadm) {
            evidence.cluster.name = name;
        }
        evidence.config_maps = named.config_maps;
        let objects = &mut evidence.objects;
        objects.nodes = feeds.nodes.borrow().clone();
        objects.pods = feeds.pods.borrow().clone();
        objects.workloads =
            feeds.workloads.iter().map(|(kind, feed)| (*kind, feed.borrow().clone())).collect();
        objects.csi_nodes = feeds.csi_nodes.borrow().clone();
        objects.csi_drivers = feeds.csi_drivers.borrow().clone();
        objects.persistent_volumes = feeds.persistent_volumes.borrow().clone();
        objects.storage_classes = feeds.storage_classes.borrow().clone();
        objects.pod_disruption_budgets = feeds.pod_disruption_budgets.borrow().clone();
        objects.leases = feeds.leases.borrow().clone();
        objects.endpoint_slices = feeds.endpoint_slices.borrow().clone();
        objects.managed =
            feeds.managed.borrow().iter().map(|(key, managed)| (key.clone(), managed.now())).collect();
        let credentials = self.authorizer.report();
        evidence.credentials = Some(credentials).filter(|credentials| !credentials.user.is_empty());
        evidence.api_gone_since = self.pulse.gone_since();
        evidence.reads = self.pulse.records();
        evidence
    }
}

impl Managed {
    fn now(&self) -> ManagedListing {
        ManagedListing {
            group: self.group.clone(),
            version: self.version.clone(),
            kind: self.kind.clone(),
            listing: self.listing.borrow().clone(),
        }
    }
}

/// Wakes whoever shows the evidence when the credentials change.
async fn watch_credentials(mut state: watch::Receiver<CredentialState>, pulse: Pulse) {
    while state.changed().await.is_ok() {
        pulse.touch();
    }
}

/// Starts to list one kind.
fn spawn<T>(tasks: &mut JoinSet<()>, shared: &Shared, what: What) -> watch::Receiver<Listing<T>>
where
    T: crate::evidence::objects::Object + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let (lister, listing) = lister(shared, what);
    if shared.follow {
        tasks.spawn(lister.follow(shared.refresh.clone()));
    } else {
        tasks.spawn(lister.once());
    }
    listing
}

fn lister<T>(shared: &Shared, what: What) -> (Lister<T>, watch::Receiver<Listing<T>>)
where
    T: crate::evidence::objects::Object + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    Lister::new(what, shared.asker.clone(), Arc::clone(&shared.gate), Arc::clone(&shared.namespaces))
}

/// Asks which APIs are served, and reads the objects of those that some later version does not serve. Asks again on a
/// refresh, and when an API server has another version: it then may serve others.
async fn discover(
    shared: Shared,
    catalog: &'static Catalog,
    mut servers: watch::Receiver<ApiServers>,
    served: watch::Sender<Reading<ServedApis>>,
    managed: watch::Sender<BTreeMap<Text, Managed>>,
) {
    let mut refresh = shared.refresh.clone();
    let mut versions = BTreeSet::new();
    let mut tasks = JoinSet::new();
    loop {
        refresh.mark_unchanged();
        let reading = super::discover::ask(&shared.asker).await;
        let is_read = reading.value().is_some();
        if let Some(apis) = reading.value() {
            managed.send_modify(|known| *known = chosen(&mut tasks, &shared, catalog, apis, known));
        }
        // An answer that does not come takes back none that did.
        if is_read || served.borrow().value().is_none() {
            served.send_replace(reading);
        }
        shared.asker.pulse().touch();
        if !shared.follow {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)), if !is_read => {}
            changed = refresh.changed() => if changed.is_err() { return },
            () = new_versions(&mut servers, &mut versions) => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// The listings of the kinds that are to be read of `apis`: those of `known` go on, and others begin. One that is not
/// among them any more ends, as nobody looks at it.
fn chosen(
    tasks: &mut JoinSet<()>,
    shared: &Shared,
    catalog: &Catalog,
    apis: &ServedApis,
    known: &BTreeMap<Text, Managed>,
) -> BTreeMap<Text, Managed> {
    let listed = what::managed(catalog, apis).into_iter().map(|(group, version, kind, what)| {
        let key = what.resource.clone();
        let managed = match known.get(&key).filter(|known| known.version == version) {
            Some(known) => known.clone(),
            None => Managed { group, version, kind, listing: spawn::<ManagedObject>(tasks, shared, what) },
        };
        (key, managed)
    });
    listed.collect()
}

/// Waits until the API servers have other versions than those `known`; the first ones are no news.
async fn new_versions(servers: &mut watch::Receiver<ApiServers>, known: &mut BTreeSet<Version>) {
    loop {
        let now: BTreeSet<Version> =
            servers.borrow_and_update().versions().map(|(_, version)| version.clone()).collect();
        if !now.is_empty() && now != *known {
            let is_news = !known.is_empty();
            *known = now;
            if is_news {
                return;
            }
        }
        if servers.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{ApiServer, Reason, Stamp, Unread};

    fn servers(versions: &[Option<Version>]) -> ApiServers {
        let unread = |what: &str| Unread::new("get", what, Reason::Unreachable, "");
        let server = |version: &Option<Version>| ApiServer {
            address: "x".into(),
            direct: true,
            hostname: None,
            version: match version {
                Some(value) => Reading::Read {
                    stamp: Stamp { at: jiff::Timestamp::UNIX_EPOCH, how: "x".into() },
                    value: value.clone(),
                },
                None => Reading::Unread(unread("/version")),
            },
            ready: Reading::Unread(unread("/readyz")),
            deprecated_calls: Reading::Unread(unread("/metrics")),
        };
        ApiServers { servers: versions.iter().map(server).collect(), ..ApiServers::default() }
    }

    #[tokio::test]
    async fn another_version_of_an_api_server_is_news_and_its_silence_is_none() {
        use futures::FutureExt;
        let (old, new) = (Version::new(1, 30, 6), Version::new(1, 31, 4));
        let (out, mut feed) = watch::channel(servers(&[]));
        let mut known = BTreeSet::new();
        for (versions, is_news) in [
            (vec![Some(old.clone())], false),
            (vec![None], false),
            (vec![Some(old.clone()), Some(new.clone())], true),
            (vec![Some(new)], true),
        ] {
            out.send_replace(servers(&versions));
            assert_eq!(new_versions(&mut feed, &mut known).now_or_never().is_some(), is_news, "{versions:?}");
        }
    }
}
