//! The API servers, and what keeps a check from speaking of all of them.

use crate::evidence::{ApiServer, ApiServers, Reason, Unread};

/// Why the list of servers may not be whole: it was not read, or an answer came from a server without a name.
pub fn gaps(servers: &ApiServers) -> Vec<Unread> {
    let mut gaps = servers.unread.clone();
    if !servers.listed && gaps.is_empty() {
        gaps.push(Unread::new("get", "API servers", Reason::Pending, ""));
    }
    if gaps.is_empty() {
        let behind = servers.servers.iter().filter(|server| !server.direct);
        let why = "one server answered through the cluster's entry, and no server was asked directly";
        gaps.extend(
            behind.map(|server| {
                Unread::new("get", "API servers", Reason::Unreachable, why).of(&server.address)
            }),
        );
    }
    if gaps.is_empty() && servers.servers.is_empty() {
        gaps.push(Unread::new("get", "API servers", Reason::Absent, "no address of an API server is known"));
    }
    gaps
}

/// `cp1 (10.0.0.11:6443)`, or the address alone.
pub fn name(server: &ApiServer) -> String {
    match &server.hostname {
        Some(hostname) => format!("{hostname} ({})", server.address),
        None => server.address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;

    #[test]
    fn a_server_behind_a_balancer_stands_for_itself_only() {
        let mut servers = World::new("1.30.4").evidence.servers;
        assert_eq!(gaps(&servers), []);
        assert_eq!(name(&servers.servers[0]), "cp1 (10.0.0.11:6443)");
        servers.servers.truncate(1);
        servers.servers[0].direct = false;
        assert_eq!(gaps(&servers).len(), 1);
        servers.unread.push(Unread::new("list", "endpointslices.discovery.k8s.io", Reason::Forbidden, ""));
        assert_eq!(gaps(&servers), servers.unread, "said once");
        assert_eq!(gaps(&ApiServers::default())[0].reason, Reason::Pending);
        let none = ApiServers { listed: true, ..ApiServers::default() };
        assert_eq!(gaps(&none)[0].reason, Reason::Absent);
    }
}
