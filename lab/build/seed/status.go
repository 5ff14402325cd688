package main

import "fmt"

func condition(kind, status, reason string) object {
	return object{"type": kind, "status": status, "reason": reason, "lastTransitionTime": started}
}

// podStatus is what a kubelet says of a pod that runs and is ready.
func podStatus(n, onNode int) object {
	address := fmt.Sprintf("10.%d.%d.%d", 128+n>>16, n>>8&255, n&255)
	i := n / podsPerDeployment
	return object{
		"phase": "Running", "qosClass": "Burstable", "startTime": started,
		"hostIP": nodeAddress(onNode), "hostIPs": list{object{"ip": nodeAddress(onNode)}},
		"podIP": address, "podIPs": list{object{"ip": address}},
		"conditions": list{
			condition("PodReadyToStartContainers", "True", ""), condition("Initialized", "True", ""),
			condition("Ready", "True", ""), condition("ContainersReady", "True", ""), condition("PodScheduled", "True", ""),
		},
		"containerStatuses": list{object{
			"name": "app", "ready": true, "started": true, "restartCount": n % 4, "image": image(i),
			"imageID":     fmt.Sprintf("registry.example.com/app@sha256:%064x", i),
			"containerID": fmt.Sprintf("containerd://%064x", n),
			"state":       object{"running": object{"startedAt": started}}, "lastState": object{},
		}},
	}
}

func nodeAddress(i int) string { return fmt.Sprintf("10.64.%d.%d", i>>8, i&255) }

// node is one as its kubelet keeps it: a node is created with its status.
func node(i int) object {
	images := list{}
	for n := range 42 {
		images = append(images, object{
			"names": list{
				fmt.Sprintf("%s@sha256:%064x", image(n*37), n*37), image(n * 37),
			},
			"sizeBytes": 20_000_000 + n*1_234_567,
		})
	}
	heartbeat := func(kind, status, reason string) object {
		c := condition(kind, status, reason)
		c["lastHeartbeatTime"], c["message"] = started, "kubelet has "+reason
		return c
	}
	capacity := object{"cpu": "16", "memory": "65536000Ki", "pods": "110", "ephemeral-storage": "203056560Ki", "hugepages-2Mi": "0"}
	return object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": object{
			"name": nodeName(i),
			"labels": object{
				"kubernetes.io/hostname": nodeName(i), "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
				"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
				"node-role.kubernetes.io/worker": "", "topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", i%3),
			},
			"annotations": object{
				"kubeadm.alpha.kubernetes.io/cri-socket":                 "unix:///run/containerd/containerd.sock",
				"node.alpha.kubernetes.io/ttl":                           "0",
				"volumes.kubernetes.io/controller-managed-attach-detach": "true",
			},
		},
		"spec": object{"podCIDR": fmt.Sprintf("10.%d.%d.0/24", 128+i>>8, i&255)},
		"status": object{
			"capacity": capacity, "allocatable": capacity,
			"addresses": list{
				object{"type": "InternalIP", "address": nodeAddress(i)}, object{"type": "Hostname", "address": nodeName(i)},
			},
			"conditions": list{
				heartbeat("MemoryPressure", "False", "KubeletHasSufficientMemory"),
				heartbeat("DiskPressure", "False", "KubeletHasNoDiskPressure"),
				heartbeat("PIDPressure", "False", "KubeletHasSufficientPID"),
				heartbeat("Ready", "True", "KubeletReady"),
			},
			"daemonEndpoints": object{"kubeletEndpoint": object{"Port": 10250}},
			"images":          images,
			"nodeInfo": object{
				"architecture": "amd64", "operatingSystem": "linux", "osImage": "Debian GNU/Linux 12 (bookworm)",
				"kernelVersion": "6.1.0-31-amd64", "containerRuntimeVersion": "containerd://1.7.24",
				"kubeletVersion": "v1.30.14", "kubeProxyVersion": "v1.30.14",
				"bootID": fmt.Sprintf("00000000-0000-4000-8000-%012x", i), "machineID": fmt.Sprintf("%032x", i),
				"systemUUID": fmt.Sprintf("00000000-0000-4000-9000-%012x", i),
			},
		},
	}
}
