//! etcd's own programs, in its container: `crictl exec ID etcdctl … snapshot save FILE`.

use crate::sim::hosts::machine::File;
use crate::sim::hosts::run::Run;
use crate::sim::names;

/// The folder that etcd's container shares with the machine.
const DATA: &str = "/var/lib/etcd/";

/// `crictl`
pub(super) async fn crictl(run: &Run, arguments: &[&str]) -> i32 {
    match arguments {
        ["ps", ..] => ps(run, arguments),
        ["exec", container, "etcdctl", rest @ ..] => {
            let id = container_id(run);
            if id.is_none() || Some(*container) != id.as_deref() {
                run.say(format!("FATA[0000] execing command in container: rpc error: code = NotFound desc = an error occurred when try to find container \"{container}\": not found"));
                return 1;
            }
            etcdctl(run, rest).await
        }
        ["exec", "etcdctl", ..] => {
            // An empty `$(…)` that was not quoted.
            run.say("FATA[0000] execing command in container: rpc error: code = NotFound desc = an error occurred when try to find container \"etcdctl\": not found");
            1
        }
        _ => {
            run.say("Incorrect Usage");
            1
        }
    }
}

/// The id of etcd's container, if it runs.
fn container_id(run: &Run) -> Option<String> {
    let runs = run.on(|machine| machine.static_pods.contains_key("etcd"))
        && !run.cluster.members().down.contains(&run.node);
    runs.then(|| names::hex32(&format!("container etcd {} {}", run.node, run.on(|m| m.image("etcd")))))
}

fn ps(run: &Run, arguments: &[&str]) -> i32 {
    let name = arguments.iter().position(|word| *word == "--name").and_then(|index| arguments.get(index + 1));
    if name.is_some_and(|name| name.trim_matches(['^', '$']) == "etcd")
        && let Some(id) = container_id(run)
    {
        run.say(id);
    }
    0
}

async fn etcdctl(run: &Run, arguments: &[&str]) -> i32 {
    let mut words = Vec::new();
    let mut flags = Vec::new();
    let mut rest = arguments.iter().copied();
    while let Some(word) = rest.next() {
        match word.strip_prefix("--").map(|flag| flag.split_once('=').map_or(flag, |(name, _)| name)) {
            Some(flag) => {
                flags.push(flag);
                if !word.contains('=') {
                    rest.next();
                }
            }
            None => words.push(word),
        }
    }
    let ["snapshot", "save", path] = words.as_slice() else {
        run.say("Error: unknown command for \"etcdctl\"");
        return 1;
    };
    if !["cacert", "cert", "key"].iter().all(|flag| flags.contains(flag)) {
        run.takes(5.0).await;
        run.say("Error: rpc error: code = Unavailable desc = connection error: desc = \"error reading server preface: EOF\"");
        return 1;
    }
    if !path.starts_with(DATA) {
        // The container has a file system of its own, of which only this folder is the machine's.
        run.say(format!("Error: could not open {path}.part (open {path}.part: no such file or directory)"));
        return 1;
    }
    let level = |message: &str| {
        format!(
            "{{\"level\":\"info\",\"ts\":\"{}\",\"caller\":\"snapshot/v3_snapshot.go:65\",\"msg\":\"{message}\",\"path\":\"{path}\"}}",
            run.now()
        )
    };
    run.say(level("created temporary db file"));
    run.takes(6.0).await;
    let now = run.now();
    run.on(|machine| {
        let size = machine
            .document
            .pointer("/etcd/dbFileBytes")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_default();
        machine.files.insert((*path).to_owned(), (File::Snapshot(size + 32), now));
    });
    run.say(level("saved"));
    run.say(format!("Snapshot saved at {path}"));
    0
}
