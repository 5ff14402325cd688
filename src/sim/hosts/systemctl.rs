//! `systemctl`, for the kubelet.

use serde_json::json;

use crate::sim::control::kubelet;
use crate::sim::hosts::run::Run;

/// `systemctl`
pub(super) async fn systemctl(run: &Run, arguments: &[&str]) -> i32 {
    match arguments {
        ["daemon-reload"] => {
            run.takes(1.0).await;
            run.on(|machine| machine.merge(&json!({ "kubelet": { "unit": { "needsReload": false } } })));
            0
        }
        ["restart", "kubelet" | "kubelet.service"] => {
            if run.on(|machine| machine.document.pointer("/kubelet/unit/needsReload") == Some(&json!(true))) {
                run.say("Warning: The unit file, source configuration file or drop-ins of kubelet.service changed on disk. Run 'systemctl daemon-reload' to reload units.");
            }
            run.takes(1.0).await;
            kubelet::restart(&run.cluster, &run.node);
            0
        }
        [verb, unit] if matches!(*verb, "restart" | "start" | "stop") => {
            let verb_unit = if unit.contains('.') { (*unit).to_owned() } else { format!("{unit}.service") };
            run.say(format!("Failed to {verb} {verb_unit}: Unit {verb_unit} not found."));
            5
        }
        other => {
            run.say(format!("Unknown command verb '{}'.", other.first().unwrap_or(&"")));
            1
        }
    }
}
