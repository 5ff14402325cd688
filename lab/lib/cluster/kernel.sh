# shellcheck shell=bash
# What kubelets change of the kernel that all machines share with this one: kept before the first cluster, and given back
# after the last.

KERNEL_SETTINGS=(vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys
  kernel/keys/root_maxbytes)

kernel_settings_keep() {
  local file=$CLUSTER_RUN/.kernel setting
  [[ ! -e $file ]] || return 0
  for setting in "${KERNEL_SETTINGS[@]}"; do
    if [[ -r /proc/sys/$setting ]]; then echo "$setting $(<"/proc/sys/$setting")"; fi
  done >"$file"
}

kernel_settings_restore() {
  local file=$CLUSTER_RUN/.kernel setting value
  [[ -e $file ]] || return 0
  while read -r setting value; do
    if [[ $(<"/proc/sys/$setting") != "$value" ]]; then echo "$value" >"/proc/sys/$setting" || true; fi
  done <"$file"
  rm -f "$file"
}
