//! Somebody who looks, all the time, if every API server and every member of etcd is there.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};

use crate::cluster::Cluster;

/// A server that is looked at: `api cp1`, `etcd cp2`.
type Server = String;

/// Looks on a machine of the cluster; ends with it.
pub(crate) struct Sentry<'a> {
    cluster: &'a Cluster,
    on: String,
    child: Child,
    lines: Option<JoinHandle<Vec<String>>>,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How often all were looked at.
    pub(crate) looks: usize,
    /// Per server, how often it went away, and for how many seconds in all and at most.
    pub(crate) away: BTreeMap<Server, (usize, f64, f64)>,
    /// Looks in which servers of one kind on two machines did not answer at all.
    pub(crate) together: Vec<String>,
    /// Looks in which some server answered, and said that it is not well: etcd has no leader for a moment when the one
    /// that it had restarts.
    pub(crate) unwell: usize,
    /// For how many seconds at most no API server said that it is well.
    pub(crate) longest_without: f64,
}

impl Seen {
    /// How often a server went away and came back.
    pub(crate) fn restarts(&self) -> usize {
        self.away.values().map(|(count, ..)| count).sum()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} looks; in {} some server answered that it is not well; no API server was well for {:.1} s at most",
            self.looks, self.unwell, self.longest_without
        )?;
        for (server, (count, whole, longest)) in &self.away {
            writeln!(f, "{server}: away {count} times, {whole:.1} s in all, {longest:.1} s at most")?;
        }
        writeln!(f, "two of a kind away at once: {}", self.together.len())
    }
}

impl<'a> Sentry<'a> {
    /// Begins to look, from a machine that keeps running.
    pub(crate) fn post(cluster: &'a Cluster, on: &str, control_planes: &[&str]) -> Result<Self> {
        for file in ["ca.crt", "healthcheck-client.crt", "healthcheck-client.key"] {
            let text = cluster.ssh(control_planes[0], &format!("cat /etc/kubernetes/pki/etcd/{file}"))?;
            cluster.ssh(
                on,
                &format!("umask 77; mkdir -p /root/sentry; printf '%s\\n' '{text}' >/root/sentry/{file}"),
            )?;
        }
        let addresses = cluster.kubectl([
            "get",
            "nodes",
            "-o",
            "jsonpath={range .items[*]}{.metadata.name}={.status.addresses[?(@.type==\"InternalIP\")].address} {end}",
        ])?;
        let pairs: Vec<&str> = addresses
            .split_whitespace()
            .filter(|pair| control_planes.iter().any(|node| pair.split('=').next() == Some(*node)))
            .collect();
        ensure!(pairs.len() == control_planes.len(), "{addresses}");
        let script = SCRIPT.replace("PAIRS", &pairs.join(" "));
        let mut command = cluster.ssh_command(on, &script);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().context("its output")?);
        let lines = std::thread::spawn(move || out.lines().map_while(Result::ok).collect());
        Ok(Self { cluster, on: on.to_owned(), child, lines: Some(lines) })
    }

    /// Ends it; what it saw.
    pub(crate) fn relieve(mut self) -> Result<Seen> {
        self.cluster.ssh(&self.on, "touch /root/sentry/relieved")?;
        self.child.wait()?;
        let lines = self.lines.take().context("its lines")?.join().ok().context("its thread")?;
        read(&lines)
    }
}

impl Drop for Sentry<'_> {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A line a look: the time, and per server the HTTP status and curl's exit code. A server that is not there refuses, cuts
/// off, or says nothing.
const SCRIPT: &str = r#"
cd /root/sentry
tls="--cacert ca.crt --cert healthcheck-client.crt --key healthcheck-client.key"
ask() { name=$1; shift; said=$(curl -s -o /dev/null --max-time 20 -w '%{http_code}' "$@"); echo "$name=$said/$?"; }
while [ ! -e relieved ]; do
  line=$(date +%s.%N)
  line="$line $( {
    for pair in PAIRS; do
      ask "api:${pair%=*}" -k "https://${pair#*=}:6443/readyz" &
      ask "etcd:${pair%=*}" $tls "https://${pair#*=}:2379/health" &
    done
    wait
  } | tr '\n' ' ')"
  echo "$line"
  sleep 0.3
done
"#;

/// Takes the lines apart.
fn read(lines: &[String]) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut since: BTreeMap<Server, f64> = BTreeMap::new();
    let mut without: Option<f64> = None;
    for line in lines {
        let mut words = line.split_whitespace();
        let at: f64 = words.next().context("a time")?.parse().with_context(|| line.clone())?;
        let mut away: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let (mut well, mut unwell) = (false, false);
        for word in words {
            let (server, said) = word.split_once('=').with_context(|| line.clone())?;
            let (kind, node) = server.split_once(':').with_context(|| line.clone())?;
            let (status, exit) = said.split_once('/').with_context(|| line.clone())?;
            let server = format!("{kind} {node}");
            if exit == "0" {
                well |= kind == "api" && status == "200";
                unwell |= status != "200";
                if let Some(began) = since.remove(&server) {
                    let (count, whole, longest) = seen.away.entry(server).or_default();
                    *count += 1;
                    *whole += at - began;
                    *longest = longest.max(at - began);
                }
            } else {
                since.entry(server).or_insert(at);
                away.entry(kind).or_default().push(node);
            }
        }
        seen.looks += 1;
        seen.unwell += usize::from(unwell);
        seen.together.extend(away.values().any(|nodes| nodes.len() > 1).then(|| line.clone()));
        without = if well { None } else { without.or(Some(at)) };
        seen.longest_without = seen.longest_without.max(without.map_or(0.0, |began| at - began));
    }
    ensure!(since.is_empty(), "away to the end: {since:?}");
    Ok(seen)
}

#[test]
fn two_away_at_once_are_seen() -> Result<()> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let seen = read(&lines(
        "1.0 api:cp1=200/0 api:cp2=200/0 etcd:cp1=200/0 etcd:cp2=200/0\n\
         2.0 api:cp1=000/7 api:cp2=500/0 etcd:cp1=200/0 etcd:cp2=000/7\n\
         4.5 api:cp1=200/0 api:cp2=200/0 etcd:cp1=200/0 etcd:cp2=200/0\n",
    ))?;
    assert_eq!((seen.looks, seen.unwell, seen.restarts()), (3, 1, 2));
    assert_eq!(seen.away.get("api cp1"), Some(&(1, 2.5, 2.5)));
    assert!(seen.together.is_empty(), "an API server and a member of etcd are no two of a kind");
    let two = read(&lines("1.0 api:cp1=000/7 api:cp2=000/28\n2.0 api:cp1=200/0 api:cp2=200/0\n"))?;
    assert_eq!(two.together.len(), 1);
    assert!(read(&lines("1.0 api:cp1=000/7\n")).is_err(), "one that never came back");
    Ok(())
}
