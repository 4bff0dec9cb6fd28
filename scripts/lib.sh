# Shared by the scripts: talking to the reader, and installing what is missing. Sourced, not run.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
started=$SECONDS

# say TEXT: one line of progress, with the time since the start.
say() { printf '[%3d s] %s\n' "$((SECONDS - started))" "$*" >&2; }

# die TEXT: the script ends; the sentence says what to do.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "$1 needs root, and sudo is not here; run this script as root, or install by hand: ${packages[*]}"
    fi
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# need PACKAGE...: installs those Debian packages that are missing.
need() {
    local package
    packages=()
    for package in "$@"; do installed "$package" || packages+=("$package"); done
    [ ${#packages[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "this script installs with apt-get, which is not here; install: ${packages[*]}"
    say "installing ${packages[*]}"
    local log
    log=$(mktemp)
    if ! {
        as_root apt-get update -qq &&
            without_default_cluster as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "${packages[@]}"
    } >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        die "apt-get could not install ${packages[*]}; its last lines are above"
    fi
    rm -f "$log"
}

# Debian's postgresql package starts a server of its own on port 5432. Longview doesn't want one, so that a machine
# which had no PostgreSQL gets only the programs.
without_default_cluster() {
    local setting=/etc/postgresql-common/createcluster.d/longview.conf status=0
    if installed postgresql-common || [ -e "$setting" ]; then
        "$@"
        return
    fi
    as_root mkdir -p "${setting%/*}"
    echo 'create_main_cluster = false' | as_root tee "$setting" >/dev/null
    "$@" || status=$?
    as_root rm -f "$setting"
    return "$status"
}

# need_idle PACKAGE: installs a Debian package for its program alone: the service it brings, of the same name, does not run.
need_idle() {
    installed "$1" && return
    need "$1"
    {
        as_root service "$1" stop
        as_root update-rc.d "$1" disable
    } >/dev/null 2>&1 || say "$1 is installed; see that its service does not run, it is not needed"
}

need_swift() {
    command -v swift >/dev/null || die "swift is not on the PATH; install Swift 6.1 or later from swift.org and run again"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    case "$version" in
        6.[1-9]* | [7-9].*) ;;
        *) die "Swift 6.1 or later is needed, and this is ${version:-of no known version}; install a newer one from swift.org" ;;
    esac
}

# What the product builds with and runs on.
need_product() {
    need git pkg-config g++ libdcmtk-dev libssl-dev libopenjp2-7-dev libdeflate-dev libpng-dev libjpeg62-turbo-dev libpq-dev zlib1g-dev postgresql
    need_swift
}

# build ARGUMENT...: swift build, its output shown only if it fails or the reader watches.
build() {
    local log
    log=$(mktemp)
    if [ -t 2 ]; then
        swift build "$@" >&2 || die "the build failed; the errors are above"
    elif ! swift build "$@" >"$log" 2>&1; then
        grep -E 'error|warning' "$log" | head -n 40 >&2
        die "the build failed; the errors are above"
    fi
    rm -f "$log"
}

# build_programs: the release build of both programs; sets `longview` to the path of the one that people run.
build_programs() {
    build -c release --product longview-decoder
    build -c release --product longview
    longview=$(swift build -c release --show-bin-path)/longview
}

# find_pip: sets `pip` to the command that downloads from PyPI; returns 1 where it can't be had.
find_pip() {
    pip=(python3 -m pip)
    "${pip[@]}" --version >/dev/null 2>&1 || (need python3-pip)
}

# download REQUIREMENT FOLDER OPTION...: a wheel from PyPI whose digest the requirement pins.
download() {
    local requirement=$1 folder=$2
    shift 2
    echo "$requirement" >"$folder/requirements"
    "${pip[@]}" download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes "$@" \
        -r "$folder/requirements" -d "$folder" >"$folder/log" 2>&1
}

# fetch_pydicom_data FOLDER: real radiographs from the PyPI package pydicom-data 1.0.0, digests pinned.
# Returns 1, having said why, where no registry answers.
fetch_pydicom_data() {
    local folder=$1 wheel=pydicom_data-1.0.0-py3-none-any.whl work name
    local names=(RG1_UNCR.dcm RG1_J2KR.dcm RG3_UNCR.dcm)
    if (cd "$folder" 2>/dev/null && sha256sum --quiet -c "$repository/scripts/pydicom-data.sha256" >/dev/null 2>&1); then
        return 0
    fi
    find_pip || return 1
    work=$(mktemp -d)
    say "fetching radiographs: pydicom-data 1.0.0 from PyPI (33 MB)"
    if ! download \
        'pydicom-data==1.0.0 --hash=sha256:622ac97265f1d91f76b5120b5bd6eb0f57737c392ef863b72c71779c91e33637' \
        "$work"; then
        say "no registry gave pydicom-data 1.0.0 with the expected digest ($(tail -n 1 "$work/log"))"
        rm -rf "$work"
        return 1
    fi
    mkdir -p "$folder"
    for name in "${names[@]}"; do
        python3 - "$work/$wheel" "data_store/data/$name" "$folder/$name" <<'PYTHON'
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as member, open(sys.argv[3], "wb") as out:
    shutil.copyfileobj(member, out)
PYTHON
    done
    rm -rf "$work"
    (cd "$folder" && sha256sum --quiet -c "$repository/scripts/pydicom-data.sha256") ||
        die "a file of pydicom-data 1.0.0 differs from its pinned digest; remove $folder and run again"
}

# fetch_pynetdicom FOLDER: a Python, FOLDER/bin/python, with pynetdicom 3.0.4 and pydicom 3.0.2 from PyPI, digests pinned;
# Debian has no pynetdicom. Returns 1, having said why, where no registry answers.
fetch_pynetdicom() {
    local folder=$1 work requirement
    if [ "$(cat "$folder/version" 2>/dev/null)" = 3.0.4 ]; then return 0; fi
    find_pip || return 1
    work=$(mktemp -d)
    say "fetching a DICOM peer: pynetdicom 3.0.4 from PyPI (4 MB)"
    for requirement in \
        'pynetdicom==3.0.4 --hash=sha256:bc3f8869db4c90634336dfb02d7b6c249771e8b167e841254997a315d8e16f72' \
        'pydicom==3.0.2 --hash=sha256:abf971a5440f84dbaf42c4b6758e30e62480902584f8b270b9a5d146e278a07b'; do
        if ! download "$requirement" "$work"; then
            say "no registry gave ${requirement%% *} with the expected digest ($(tail -n 1 "$work/log"))"
            rm -rf "$work"
            return 1
        fi
    done
    rm -rf "$folder"
    python3 -m venv --without-pip --system-site-packages "$folder"
    "$folder/bin/python" - "$work"/*.whl <<'PYTHON'
import sysconfig, sys, zipfile
for wheel in sys.argv[1:]:
    zipfile.ZipFile(wheel).extractall(sysconfig.get_path("purelib"))
PYTHON
    rm -rf "$work"
    echo 3.0.4 >"$folder/version"
}

# fetch_onnx_data FOLDER: models with their results, the test data of the PyPI package onnx 1.23.2, digest pinned.
# Only data are taken of it, so the wheel for one system serves all. Returns 1, having said why, where no registry answers.
fetch_onnx_data() {
    local folder=$1 work
    if [ "$(cat "$folder/version" 2>/dev/null)" = 1.23.2 ]; then return 0; fi
    find_pip || return 1
    work=$(mktemp -d)
    say "fetching ONNX test data: onnx 1.23.2 from PyPI (9 MB)"
    if ! download 'onnx==1.23.2 --hash=sha256:c03ecf6b835d136108eeaeeafbd0026fc7b3cf98661409fbc6b63d5a29361348' "$work" \
        --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64; then
        say "no registry gave onnx 1.23.2 with the expected digest ($(tail -n 1 "$work/log"))"
        rm -rf "$work"
        return 1
    fi
    rm -rf "$folder"
    mkdir -p "$folder"
    python3 - "$work"/onnx-1.23.2-*.whl "$folder" <<'PYTHON'
import pathlib, sys, zipfile
start = "onnx/backend/test/data/"
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if name.startswith((start + "light/", start + "pytorch-converted/")) and not name.endswith("/"):
            target = pathlib.Path(sys.argv[2], name[len(start):])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(wheel.read(name))
PYTHON
    rm -rf "$work"
    echo 1.23.2 >"$folder/version"
}
