//! Workloads, and the pods that their controllers make of them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::place::{self, DAEMON_TOLERATIONS, Loads};
use super::pod::{self, Shape};
use super::{World, managed};
use crate::sim::api::merge;
use crate::sim::scenario::{NodeSpec, WorkloadSpec};
use crate::sim::{SimError, clock, names};

/// One workload of the scenario, taken apart.
struct Work<'s> {
    namespace: &'s str,
    kind: &'s str,
    name: &'s str,
    spec: &'s WorkloadSpec,
    /// The pod template.
    template: Value,
    made: Timestamp,
    /// When its pods were made.
    rolled: Timestamp,
    replicas: usize,
}

/// What owns pods, and what it gives them.
struct Owner<'o> {
    kind: &'o str,
    name: &'o str,
    labels: Value,
    template: &'o Value,
    made: Timestamp,
}

impl<'s> World<'s> {
    /// Every workload with its pods.
    pub(super) fn workloads(&mut self) -> Result<(), SimError> {
        let script = self.script;
        let mut loads = Loads::default();
        for (key, spec) in &script.workloads {
            let mut parts = key.split('/');
            let (Some(namespace), Some(kind), Some(name), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(SimError::data(&format!("'{key}' is not of the form 'namespace/Kind/name'")));
            };
            let made = spec.made.unwrap_or(script.cluster.made);
            let work = Work {
                namespace,
                kind,
                name,
                spec,
                template: template(name, spec),
                made,
                rolled: spec.rolled.unwrap_or(made),
                replicas: spec.replicas.unwrap_or(1),
            };
            match kind {
                "Deployment" => self.deployment(&work, &mut loads)?,
                "StatefulSet" => self.stateful_set(&work, &mut loads)?,
                "DaemonSet" => self.daemon_set(&work, &mut loads)?,
                "CronJob" => self.cron_job(&work, &mut loads)?,
                "Job" => self.job(&work, &mut loads, work.name, None, work.made)?,
                other => return Err(SimError::data(&format!("{other} is no kind of workload: {key}"))),
            }
        }
        Ok(())
    }

    fn deployment(&mut self, work: &Work<'s>, loads: &mut Loads<'s>) -> Result<(), SimError> {
        let count = work.replicas;
        self.add_workload(
            work,
            "apps/v1",
            json!({
                "replicas": count, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } },
                "selector": selector(&work.template), "template": work.template,
            }),
            json!({
                "observedGeneration": 1, "replicas": count, "updatedReplicas": count, "readyReplicas": count,
                "availableReplicas": count,
            }),
        )?;
        if work.rolled != work.made {
            // What its last change left behind: an image of before, which nothing else tells of.
            let mut template = work.template.clone();
            let before = json!({ "metadata": { "annotations": { "kubectl.kubernetes.io/restartedAt": clock::seconds(work.made) } } });
            merge(&mut template, &before);
            self.replica_set(work, loads, &template, 0, work.made)?;
        }
        self.replica_set(work, loads, &work.template, count, work.rolled)
    }

    fn replica_set(
        &mut self,
        work: &Work<'s>,
        loads: &mut Loads<'s>,
        template: &Value,
        replicas: usize,
        made: Timestamp,
    ) -> Result<(), SimError> {
        let hash = names::suffix(&template.to_string(), 10);
        let name = format!("{}-{hash}", work.name);
        let mut template = template.clone();
        merge(&mut template, &json!({ "metadata": { "labels": { "pod-template-hash": hash } } }));
        let owner = self.owner("apps/v1", "Deployment", work.namespace, work.name);
        self.add("apps/v1", "ReplicaSet", json!({
            "metadata": {
                "name": name, "namespace": work.namespace, "labels": template.pointer("/metadata/labels"),
                "annotations": { "deployment.kubernetes.io/desired-replicas": work.replicas.to_string(),
                                 "deployment.kubernetes.io/revision": if made == work.rolled { "2" } else { "1" } },
                "ownerReferences": owner, "creationTimestamp": clock::seconds(made), "generation": 1,
                "managedFields": [managed("kube-controller-manager", "apps/v1", made, "")],
            },
            "spec": { "replicas": replicas, "selector": selector(&template), "template": template },
            "status": { "observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas },
        }))?;
        let owner = Owner { kind: "ReplicaSet", name: &name, labels: json!({}), template: &template, made };
        for ordinal in 0..replicas {
            let pod = format!("{name}-{}", names::suffix(&format!("{}/{name} {ordinal}", work.namespace), 5));
            self.pod_of(work, loads, &owner, pod, Some(format!("{name}-")), ordinal)?;
        }
        Ok(())
    }

    fn stateful_set(&mut self, work: &Work<'s>, loads: &mut Loads<'s>) -> Result<(), SimError> {
        self.add_workload(
            work,
            "apps/v1",
            json!({
                "replicas": work.replicas, "serviceName": work.name, "podManagementPolicy": "OrderedReady",
                "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
                "selector": selector(&work.template), "template": work.template,
            }),
            json!({ "observedGeneration": 1, "replicas": work.replicas, "readyReplicas": work.replicas }),
        )?;
        for ordinal in 0..work.replicas {
            let name = format!("{}-{ordinal}", work.name);
            let labels = json!({
                "apps.kubernetes.io/pod-index": ordinal.to_string(), "statefulset.kubernetes.io/pod-name": name,
                "controller-revision-hash": format!("{}-{}", work.name, names::suffix(&work.template.to_string(), 10)),
            });
            let owner = Owner {
                kind: work.kind,
                name: work.name,
                labels,
                template: &work.template,
                made: work.rolled,
            };
            self.pod_of(work, loads, &owner, name, Some(format!("{}-", work.name)), ordinal)?;
        }
        Ok(())
    }

    fn daemon_set(&mut self, work: &Work<'s>, loads: &mut Loads<'s>) -> Result<(), SimError> {
        let mut template = work.template.clone();
        tolerate(&mut template);
        let fits = |node: &NodeSpec, name: &str| {
            place::fits(name, node, template.get("spec").unwrap_or(&Value::Null))
        };
        let nodes: Vec<(&'s str, &'s NodeSpec)> = self
            .script
            .nodes
            .iter()
            .filter(|(name, node)| fits(node, name))
            .map(|(name, node)| (name.as_str(), node))
            .collect();
        self.add_workload(work, "apps/v1", json!({
            "revisionHistoryLimit": 10, "selector": selector(&work.template), "template": work.template,
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 1 } },
        }), json!({
            "currentNumberScheduled": nodes.len(), "desiredNumberScheduled": nodes.len(), "numberReady": nodes.len(),
            "numberAvailable": nodes.len(), "numberMisscheduled": 0, "observedGeneration": 1, "updatedNumberScheduled": nodes.len(),
        }))?;
        let owner = self.owner("apps/v1", work.kind, work.namespace, work.name);
        for (name, node) in nodes {
            loads.count(name);
            let state = work.spec.pods.get(name);
            let pod = pod::pod(&Shape {
                name: format!(
                    "{}-{}",
                    work.name,
                    names::suffix(&format!("{}/{} {name}", work.namespace, work.name), 5)
                ),
                namespace: work.namespace,
                generate_name: Some(format!("{}-", work.name)),
                owner: owner.clone(),
                labels: json!({ "controller-revision-hash": names::suffix(&work.template.to_string(), 10), "pod-template-generation": "1" }),
                template: &template,
                node: Some((name, &node.address)),
                made: state.and_then(|state| state.made).unwrap_or(work.rolled).max(node.booted),
                state,
                manager: "kube-controller-manager",
            });
            self.add("v1", "Pod", pod)?;
        }
        Ok(())
    }

    fn cron_job(&mut self, work: &Work<'s>, loads: &mut Loads<'s>) -> Result<(), SimError> {
        self.add_workload(
            work,
            "batch/v1",
            json!({
                "schedule": "17 3 * * *", "concurrencyPolicy": "Forbid", "suspend": false,
                "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
                "jobTemplate": { "spec": { "template": work.template } },
            }),
            json!({}),
        )?;
        for run in 1..=work.replicas {
            let made = clock::relative(&format!("-{}h", 24 * run - 7), self.now).unwrap_or(self.now);
            let name = format!("{}-{}", work.name, made.as_second() / 60);
            self.job(work, loads, &name, Some(work.name), made)?;
        }
        Ok(())
    }

    /// A Job that has run to its end.
    fn job(
        &mut self,
        work: &Work<'s>,
        loads: &mut Loads<'s>,
        name: &str,
        cron_job: Option<&str>,
        made: Timestamp,
    ) -> Result<(), SimError> {
        let labels = json!({ "batch.kubernetes.io/job-name": name, "job-name": name });
        let mut template = work.template.clone();
        merge(
            &mut template,
            &json!({ "metadata": { "labels": labels }, "spec": { "restartPolicy": "Never" } }),
        );
        let mut job = json!({
            "metadata": { "name": name, "namespace": work.namespace, "labels": labels, "creationTimestamp": clock::seconds(made) },
            "spec": { "completions": 1, "parallelism": 1, "backoffLimit": 6, "template": template },
            "status": { "succeeded": 1, "startTime": clock::seconds(made), "completionTime": clock::seconds(made) },
        });
        if let Some(cron_job) = cron_job {
            let owner = self.owner("batch/v1", "CronJob", work.namespace, cron_job);
            merge(&mut job, &json!({ "metadata": { "ownerReferences": owner } }));
        }
        self.add("batch/v1", "Job", job)?;
        let owner = Owner { kind: "Job", name, labels: json!({}), template: &template, made };
        let pod = format!("{name}-{}", names::suffix(name, 5));
        self.pod_of(work, loads, &owner, pod, Some(format!("{name}-")), 0)
    }

    fn pod_of(
        &mut self,
        work: &Work<'s>,
        loads: &mut Loads<'s>,
        owner: &Owner<'_>,
        name: String,
        generate_name: Option<String>,
        ordinal: usize,
    ) -> Result<(), SimError> {
        let script = self.script;
        let state = work.spec.pods.get(&ordinal.to_string());
        let spec = owner.template.get("spec").unwrap_or(&Value::Null);
        let wanted = work.spec.on.get(ordinal % work.spec.on.len().max(1)).map(String::as_str);
        let fitting = script
            .nodes
            .iter()
            .filter(|(name, node)| place::fits(name, node, spec))
            .map(|(name, _)| name.as_str());
        let node = match wanted {
            Some(wanted) => {
                let (name, _) = script.nodes.get_key_value(wanted).ok_or_else(|| {
                    SimError::data(&format!("{} is to run on {wanted}, which is no node", work.name))
                })?;
                loads.count(name);
                Some(name.as_str())
            }
            None => loads.take(fitting, &name),
        };
        let version = if owner.kind == "Job" { "batch/v1" } else { "apps/v1" };
        let finished =
            crate::sim::scenario::PodSpec { phase: Some("Succeeded".to_owned()), ..Default::default() };
        let state = if owner.kind == "Job" { Some(&finished) } else { state };
        let pod = pod::pod(&Shape {
            name,
            namespace: work.namespace,
            generate_name,
            owner: self.owner(version, owner.kind, work.namespace, owner.name),
            labels: owner.labels.clone(),
            template: owner.template,
            node: node
                .and_then(|node| script.nodes.get_key_value(node))
                .map(|(name, node)| (name.as_str(), node.address.as_str())),
            made: state.and_then(|state| state.made).unwrap_or(owner.made),
            state,
            manager: "kube-controller-manager",
        });
        self.add("v1", "Pod", pod)
    }

    /// The workload itself.
    fn add_workload(
        &mut self,
        work: &Work<'_>,
        version: &str,
        spec: Value,
        status: Value,
    ) -> Result<(), SimError> {
        let manager = work.spec.manager.as_deref().unwrap_or("helm");
        let mut object = json!({
            "metadata": {
                "name": work.name, "namespace": work.namespace, "labels": work.template.pointer("/metadata/labels"),
                "creationTimestamp": clock::seconds(work.made), "generation": 1,
                "managedFields": [managed(manager, version, work.rolled, ""),
                                  managed("kube-controller-manager", version, work.rolled, "status")],
            },
            "spec": spec, "status": status,
        });
        merge(
            &mut object,
            &json!({ "metadata": or_empty(&work.spec.metadata), "spec": or_empty(&work.spec.spec) }),
        );
        self.add(version, work.kind, object)
    }
}

/// The pod template of a workload.
fn template(name: &str, spec: &WorkloadSpec) -> Value {
    let container = spec.container.as_deref().unwrap_or(name);
    let mut template = json!({
        "metadata": { "labels": { "app.kubernetes.io/name": name } },
        "spec": { "containers": [{
            "name": container, "image": spec.image,
            "resources": { "requests": { "cpu": "50m", "memory": "128Mi" } },
        }] },
    });
    merge(&mut template, &or_empty(&spec.template));
    template
}

/// `value`, or an empty object where it says nothing: merging null would take away what is there.
fn or_empty(value: &Value) -> Value {
    if value.is_null() { json!({}) } else { value.clone() }
}

fn selector(template: &Value) -> Value {
    json!({ "matchLabels": template.pointer("/metadata/labels") })
}

/// Adds the tolerations that the DaemonSet controller gives to its pods.
pub(crate) fn tolerate(template: &mut Value) {
    let mut tolerations =
        template.pointer("/spec/tolerations").and_then(Value::as_array).cloned().unwrap_or_default();
    for (key, effect) in DAEMON_TOLERATIONS {
        tolerations.push(json!({ "key": key, "operator": "Exists", "effect": effect }));
    }
    merge(template, &json!({ "spec": { "tolerations": tolerations } }));
}
