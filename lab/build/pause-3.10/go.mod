module kubelift.dev/lab/pause

go 1.24
