module kubelift.dev/lab/seed

go 1.25
