# shellcheck shell=bash
# Upstream's programs, compiled from their Go modules into a cache outside the checkout.

# shellcheck source=SCRIPTDIR/../build/recipe.sh
source "$LAB_ROOT/build/recipe.sh"

# cache_folder SET: where the set's programs are, named by what they are built from: their sources, Go, and what the
# recipe says for this set.
cache_folder() {
  local sources=$LAB_ROOT/build/$1 key name
  [[ -d $sources ]] || die "no such set: $1 (those that are there: $(cd "$LAB_ROOT/build" && printf '%s ' */))"
  key=$({
    go env GOVERSION GOOS GOARCH
    for name in $(recipe_programs "$1"); do recipe_package "$1" "$name"; done
    recipe_ldflags "$1"
    declare -f recipe_compile
    cd "$sources" && find . -type f -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum | cut -c1-16)
  echo "$LAB_CACHE/$1-$key"
}

# program NAME [VERSION]: the path of a program. Unless a version of Kubernetes is asked for, KUBEBUILDER_ASSETS comes
# first, as in envtest.
program() {
  local set=kubernetes-${2:-$LAB_VERSION} folder
  if [[ -z ${2:-} && -n ${KUBEBUILDER_ASSETS:-} && -x $KUBEBUILDER_ASSETS/$1 ]]; then
    echo "$KUBEBUILDER_ASSETS/$1"
    return
  fi
  [[ $1 != etcd* ]] || set=$LAB_ETCD
  [[ $1 != seed ]] || set=seed
  need go
  folder=$(cache_folder "$set")
  [[ -x $folder/$1 ]] || die "$1 of $set is not built yet: run lab/lab build${2:+ $set/$1}"
  echo "$folder/$1"
}

# build_program SET PROGRAM FOLDER: with file descriptor 9 on the folder's lock, for two labs may ask at once; the second
# then finds what the first has built. A chain, since errexit is off where a caller tests the result.
build_program() (
  flock 9
  [[ ! -x $3/$2 ]] || return 0
  say "building $2 of $1"
  started=$SECONDS
  cd "$LAB_ROOT/build/$1" &&
    recipe_compile "$1" "$2" "$3/.$2.part" 9>&- &&
    mv "$3/.$2.part" "$3/$2" &&
    say "built $2 of $1 in $((SECONDS - started)) s"
)

# build_programs SET [PROGRAM…]: builds what the cache lacks; without programs, all of the set.
build_programs() {
  local set=$1 folder name names=()
  shift
  need go
  folder=$(cache_folder "$set")
  mkdir -p "$folder"
  if (($# > 0)); then names=("$@"); else mapfile -t names < <(recipe_programs "$set"); fi
  for name in "${names[@]}"; do
    grep -qx "$name" < <(recipe_programs "$set") || die "$set has no program $name"
    build_program "$set" "$name" "$folder" 9>"$folder/.lock" || die "building $name of $set failed"
  done
}

# command_build [SET[/PROGRAM]…]: without arguments, what `lab up` needs and KUBEBUILDER_ASSETS does not have; etcd's
# tools, which only tests of backups need, are not built beside somebody's own etcd.
command_build() {
  local name
  if (($# > 0)); then
    for name in "$@"; do
      if [[ $name == */* ]]; then build_programs "${name%%/*}" "${name#*/}"; else build_programs "$name"; fi
    done
    return
  fi
  for name in etcd etcdctl etcdutl kube-apiserver kubectl; do
    [[ -z ${KUBEBUILDER_ASSETS:-} || ! -x $KUBEBUILDER_ASSETS/$name ]] || continue
    case $name in
      etcd?*) [[ -n ${KUBEBUILDER_ASSETS:-} ]] || build_programs "$LAB_ETCD" "$name" ;;
      etcd) build_programs "$LAB_ETCD" "$name" ;;
      *) build_programs "kubernetes-$LAB_VERSION" "$name" ;;
    esac
  done
}
