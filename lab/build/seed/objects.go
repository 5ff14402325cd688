package main

import (
	"fmt"
	"time"
)

// The objects have the shape and size of those of a busy cluster: a pod of 6.7 KB in JSON, 3 KB of it managedFields, and a
// node of 11 KB, most of it its list of images.

type list = []any

func namespaceName(i int) string { return fmt.Sprintf("load-%03d", i) }
func nodeName(i int) string      { return fmt.Sprintf("worker-%05d", i) }
func appName(i int) string       { return fmt.Sprintf("app-%05d", i) }

// started is when all of it is said to have started; whole seconds, as Kubernetes writes them.
var started = time.Now().UTC().Add(-72 * time.Hour).Format(time.RFC3339)

func namespace(i int) object {
	return object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": namespaceName(i)}}
}

func owner(apiVersion, kind, name, uid string, controller bool) list {
	reference := object{"apiVersion": apiVersion, "kind": kind, "name": name, "uid": uid}
	if controller {
		reference["controller"], reference["blockOwnerDeletion"] = true, true
	}
	return list{reference}
}

func lease(i int, uid string) object {
	return object{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": object{
			"name": nodeName(i), "namespace": "kube-node-lease",
			"ownerReferences": owner("v1", "Node", nodeName(i), uid, false),
		},
		"spec": object{
			"holderIdentity": nodeName(i), "leaseDurationSeconds": 40,
			"renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00"),
		},
	}
}

func csiNode(i int, uid string) object {
	return object{
		"apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
		"metadata": object{"name": nodeName(i), "ownerReferences": owner("v1", "Node", nodeName(i), uid, false)},
		"spec": object{"drivers": list{object{
			"name": "ebs.csi.aws.com", "nodeID": fmt.Sprintf("i-%017x", i), "topologyKeys": list{"topology.ebs.csi.aws.com/zone"},
			"allocatable": object{"count": 25},
		}}},
	}
}

func labels(i int) object {
	return object{
		"app.kubernetes.io/name": appName(i), "app.kubernetes.io/instance": appName(i) + "-production",
		"app.kubernetes.io/managed-by": "Helm",
	}
}

func deployment(i int, space string) object {
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": object{"name": appName(i), "namespace": space, "labels": labels(i)},
		"spec": object{
			"replicas": podsPerDeployment, "selector": object{"matchLabels": labels(i)},
			"template": object{"metadata": object{"labels": labels(i)}, "spec": podSpec(i)},
		},
	}
}

func replicaSetName(i int) string { return fmt.Sprintf("%s-%08x", appName(i), uint32(i)*2654435761) }

func replicaSet(i int, space, uid string) object {
	o := deployment(i, space)
	o["kind"] = "ReplicaSet"
	o["metadata"] = object{
		"name": replicaSetName(i), "namespace": space, "labels": labels(i),
		"ownerReferences": owner("apps/v1", "Deployment", appName(i), uid, true),
	}
	return o
}

func pod(i, n, onNode int, space, uid string) object {
	spec := podSpec(i)
	spec["nodeName"] = nodeName(onNode)
	return object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{
			"name": fmt.Sprintf("%s-%05x", replicaSetName(i), n), "namespace": space, "labels": labels(i),
			"annotations": object{
				"prometheus.io/scrape": "true", "checksum/config": fmt.Sprintf("%064x", i),
			},
			"ownerReferences": owner("apps/v1", "ReplicaSet", replicaSetName(i), uid, true),
		},
		"spec": spec,
	}
}

func podSpec(i int) object {
	mounts := list{
		object{"name": "config", "mountPath": "/etc/app", "readOnly": true},
		object{"name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true},
	}
	probe := object{
		"httpGet":             object{"path": "/healthz", "port": 8080, "scheme": "HTTP"},
		"initialDelaySeconds": 5, "timeoutSeconds": 2, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
	}
	return object{
		"containers": list{object{
			"name": "app", "image": image(i), "imagePullPolicy": "IfNotPresent",
			"ports": list{object{"name": "http", "containerPort": 8080, "protocol": "TCP"}},
			"env": list{
				object{"name": "POD_NAME", "valueFrom": object{"fieldRef": object{"apiVersion": "v1", "fieldPath": "metadata.name"}}},
				object{"name": "PASSWORD", "valueFrom": object{"secretKeyRef": object{"name": appName(i), "key": "password"}}},
			},
			"resources": object{
				"requests": object{"cpu": "100m", "memory": "128Mi"}, "limits": object{"memory": "256Mi"},
			},
			"volumeMounts": mounts, "livenessProbe": probe,
			"securityContext": object{
				"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true, "runAsUser": 65532,
			},
		}},
		"serviceAccountName": "default", "priority": 0, "enableServiceLinks": true,
		"tolerations": list{
			object{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
			object{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
		},
		"volumes": list{
			object{"name": "config", "configMap": object{"name": appName(i), "defaultMode": 420}},
			object{"name": "kube-api-access", "projected": object{"defaultMode": 420, "sources": list{
				object{"serviceAccountToken": object{"path": "token", "expirationSeconds": 3607}},
				object{"configMap": object{"name": "kube-root-ca.crt", "items": list{object{"key": "ca.crt", "path": "ca.crt"}}}},
			}}},
		},
	}
}

func image(i int) string {
	return fmt.Sprintf("registry.example.com/team-%02d/%s:1.%d.%d", i%40, appName(i), i%9, i%23)
}
