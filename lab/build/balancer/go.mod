module kubelift.dev/lab/balancer

go 1.24
