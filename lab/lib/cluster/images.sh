# shellcheck shell=bash
# Container images made from the lab's own programs: an archive each, under exactly the names that kubeadm asks for, so
# that no registry is needed.

LAB_COREDNS=coredns-1.14.3
LAB_PAUSE=pause-3.10
# shellcheck disable=SC2034 # used by packages.sh
LAB_CRI_TOOLS=cri-tools-1.34.0

# set_program SET NAME: the path of a built program.
set_program() {
  local folder
  folder=$(cache_folder "$1")
  [[ -x $folder/$2 ]] || die "$2 of $1 is not built: run lab/lab build $1/$2"
  echo "$folder/$2"
}

# images_folder VERSION: where that version's archives are, named by the programs in them and this recipe.
images_folder() {
  local key set
  key=$({ for set in "kubernetes-$1" "$LAB_ETCD" "$LAB_COREDNS" "$LAB_PAUSE"; do cache_folder "$set"; done
    rootfs_folder && cat "$LAB_ROOT/lib/cluster/images.sh"; } | sha256sum | cut -c1-16)
  echo "$LAB_CACHE/images-$1-$key"
}

# images_build VERSION
images_build() (
  local folder name image
  folder=$(images_folder "$1")
  [[ ! -d $folder ]] || return 0
  exec 9>"$folder.lock"
  flock 9
  [[ ! -d $folder ]] || return 0
  say "making the images of Kubernetes $1"
  rm -rf "$folder.part" && mkdir -p "$folder.part" || return
  # The list holds what is left of a pod's sandbox, too, under the version that this kubeadm expects.
  while read -r image; do
    name=${image##*/}
    case ${name%%:*} in
      kube-*) image_program "$folder.part" "$image" "$(set_program "kubernetes-$1" "${name%%:*}")" ;;
      etcd) image_etcd "$folder.part" "$image" ;;
      coredns) image_coredns "$folder.part" "$image" ;;
      pause) image_pause "$folder.part" "$image" && image_pause "$folder.part" "${image%:*}:3.10" ;;
      *) die "kubeadm asks for $image, and the lab has nothing to make it of" ;;
    esac || return
  done < <("$(set_program "kubernetes-$1" kubeadm)" config images list --kubernetes-version "v$1" 2>/dev/null)
  [[ -n $(find "$folder.part" -name '*.tar') ]] || die "kubeadm $1 named no images"
  mv "$folder.part" "$folder"
)

image_program() { # FOLDER IMAGE PROGRAM
  local tree=$1/tree name=${3##*/}
  mkdir -p "$tree/usr/local/bin" && cp "$3" "$tree/usr/local/bin/" || return
  [[ $name != kube-proxy ]] || image_packet_filter "$tree" || return
  image_write "$1" "$2" "\"/usr/local/bin/$name\""
}

image_etcd() { # FOLDER IMAGE
  local name
  mkdir -p "$1/tree/usr/local/bin" || return
  for name in etcd etcdctl etcdutl; do cp "$(set_program "$LAB_ETCD" "$name")" "$1/tree/usr/local/bin/" || return; done
  image_write "$1" "$2" ''
}

image_coredns() { # FOLDER IMAGE
  mkdir -p "$1/tree" && cp "$(set_program "$LAB_COREDNS" coredns)" "$1/tree/coredns" &&
    image_write "$1" "$2" '"/coredns"'
}

image_pause() { # FOLDER IMAGE
  mkdir -p "$1/tree" && cp "$(set_program "$LAB_PAUSE" pause)" "$1/tree/pause" && image_write "$1" "$2" '"/pause"'
}

# image_packet_filter TREE: iptables and conntrack, with the libraries they load, from the machines' root file system.
image_packet_filter() {
  local root library file
  root=$(rootfs_folder)
  mkdir -p "$1/usr/sbin" "$1/usr/lib" "$1/etc" && ln -s usr/lib "$1/lib" && ln -s usr/lib64 "$1/lib64" &&
    ln -s usr/sbin "$1/sbin" && mkdir "$1/usr/lib64" || return
  for file in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -s xtables-nft-multi "$1/usr/sbin/$file" || return
  done
  cp "$root"/usr/sbin/{xtables-nft-multi,conntrack} "$1/usr/sbin/" || return
  while read -r file; do
    (cd "$root" && cp -a --parents "${file#/}" "$1/") || return
  done < <(cd "$root" && find usr/lib/*/xtables ! -type d)
  for file in usr/sbin/xtables-nft-multi usr/sbin/conntrack $(cd "$root" && find usr/lib/*/xtables -name '*.so'); do
    chroot "$root" ldd "/$file"
  done | grep -o '/[^ ]*' | sort -u | while read -r library; do
    library=${library#*:}
    # /lib is a link to /usr/lib; the loader is asked for in /lib64.
    [[ -e $1$library ]] || { mkdir -p "$1$(dirname "$library")" && cp -L "$root$library" "$1$library"; } || return
  done
}

# image_write FOLDER IMAGE ENTRYPOINT: FOLDER/tree as the only layer of an archive that bears the image's name; the tree
# is used up.
image_write() {
  local work=$1/work layer config
  mkdir -p "$work" || return
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$1/tree" -cf "$work/layer.tar" . || return
  layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  {
    printf '{"architecture":"%s","os":"linux",' "$(go env GOARCH)"
    printf '"config":{"Env":["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/"],"Entrypoint":[%s]},' "$3"
    printf '"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer"
  } >"$work/config.json"
  config=$(sha256sum "$work/config.json" | cut -d' ' -f1)
  mv "$work/config.json" "$work/$config.json"
  printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$config" "$2" >"$work/manifest.json"
  tar -C "$work" -cf "$1/$(tr '/:' '__' <<<"${2#*/}").tar" manifest.json "$config.json" layer.tar &&
    rm -rf "$work" "$1/tree"
}
