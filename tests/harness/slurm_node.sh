#!/usr/bin/env bash
# A Slurm cluster of this machine alone, two CPUs wide, for whoever wants to see a sweep run through one:
#     bash tests/harness/slurm_node.sh FOLDER
# keeps its configuration, logs and state in FOLDER, which must be new or empty, prints the path of slurm.conf when
# it takes jobs, and ends, with whatever runs in it, when its standard input does. No job needs to be root, nor does
# this script. In another shell: export SLURM_CONF=FOLDER/slurm.conf, and any Slurm command, or --executor slurm.
# Debian and Ubuntu: apt-get install slurm-wlm munge. It keeps no accounts, so that sacct tells nothing.
set -euo pipefail
PATH=$PATH:/usr/sbin
folder=$(realpath "$1")
mkdir -p "$folder/state" "$folder/spool"
for needed in munged slurmctld slurmd sbatch srun squeue scancel scontrol; do
    command -v "$needed" >/dev/null || { echo "no $needed on the PATH; apt-get install slurm-wlm munge" >&2; exit 1; }
done

ports=$(python3 - <<'PYTHON'
import socket

sockets = [socket.socket() for _ in range(2)]
for one in sockets:
    one.bind(("", 0))
print(*(one.getsockname()[1] for one in sockets))
PYTHON
)
read -r controller daemon <<<"$ports"
host=$(hostname -s)
user=$(id -un)
cat >"$folder/slurm.conf" <<CONF
ClusterName=tests
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmdPort=$daemon
SlurmUser=$user
SlurmdUser=$user
# a job that is requeued must wait until its credential has expired: seconds here, two minutes by default
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
SchedulerParameters=sched_interval=2,bf_interval=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=2
PartitionName=tests Nodes=$host Default=YES MaxTime=300
CONF
export SLURM_CONF=$folder/slurm.conf

processes=()
stop() {
    scancel --full --signal=KILL --user="$user" 2>/dev/null || true
    scancel --user="$user" 2>/dev/null || true
    local until=$((SECONDS + 15))
    while [ $SECONDS -lt $until ] && [ -n "$(timeout 2 squeue --noheader 2>/dev/null)" ]; do sleep 0.1; done
    kill "${processes[@]}" 2>/dev/null || true
    wait "${processes[@]}" || true
}
trap stop EXIT
trap exit INT TERM
dd if=/dev/urandom of="$folder/munge.key" bs=128 count=1 status=none
chmod 600 "$folder/munge.key"
munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --seed-file="$folder/munge.seed" --log-file="$folder/munged.log" \
    2>"$folder/munged.err" </dev/null & processes+=($!)
for _ in $(seq 100); do [ -S "$folder/munge.socket" ] && break; sleep 0.1; done
slurmctld -D -i >"$folder/slurmctld.out" 2>&1 </dev/null & processes+=($!)
slurmd -D >"$folder/slurmd.out" 2>&1 </dev/null & processes+=($!)
for _ in $(seq 300); do
    if [ "$(sinfo --noheader --format=%t 2>/dev/null)" = idle ]; then
        echo "$SLURM_CONF"
        cat >/dev/null
        exit
    fi
    for process in "${processes[@]}"; do
        kill -0 "$process" 2>/dev/null || { tail -n 5 "$folder"/*.out "$folder"/*.err >&2; exit 1; }
    done
    sleep 0.1
done
tail -n 5 "$folder"/*.log "$folder"/*.out >&2
exit 1
