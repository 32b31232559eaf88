#!/usr/bin/env bash
# A real Slurm cluster of a few nodes on this machine, for tests: one munged, one slurmctld and a slurmd per node, all on
# 127.0.0.1, all their files in one folder, as any user and without systemd.
#
#   testbed.sh DIR up                   starts what does not run, waits until every node is idle, prints `export SLURM_CONF=…`
#   testbed.sh DIR kill-node N          node N loses power: its slurmd and all its tasks are gone
#   testbed.sh DIR kill-slurmd N        node N loses its network: its slurmd is gone, its tasks go on
#   testbed.sh DIR kill-controller      slurmctld is gone; `up` brings it back
#   testbed.sh DIR down                 stops everything and removes DIR
#
# Settings, read by the first `up`: TESTBED_NODES=4, TESTBED_CPUS=4 (per node), TESTBED_PORT=17817 (and one more per node),
# TESTBED_MAX_ARRAY=1001.
# Packages of Debian and Ubuntu: apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
set -euo pipefail

fail() { echo "testbed: $*" >&2; exit 1; }
[ $# -ge 2 ] || { sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
case $1 in /*) ;; *) fail "DIR must be absolute: the daemons change their folder" ;; esac
bed=$1 what=$2 node=${3:-}
nodes=${TESTBED_NODES:-4} cpus=${TESTBED_CPUS:-4} port=${TESTBED_PORT:-17817} max_array=${TESTBED_MAX_ARRAY:-1001}
export SLURM_CONF=$bed/slurm.conf PATH=$PATH:/usr/sbin:/sbin

# The process of a pid file, when it lives; a zombie that nobody has collected does not.
living() {
  local pid state
  pid=$(cat "$bed/run/$1.pid" 2>/dev/null) && state=$(sed 's/.*) \(.\).*/\1/' "/proc/$pid/stat" 2>/dev/null) && [ "$state" != Z ] && echo "$pid"
}
kill_daemon() { local pid; if pid=$(living "$1"); then kill -KILL "$pid"; fi; rm -f "$bed/run/$1.pid"; }

# The step daemons of a node keep its log open; below them are its tasks.
below() { local child; echo "$1"; for child in $(pgrep -P "$1" || true); do below "$child"; done; }
kill_tasks() {
  local step
  for step in $(pgrep -x slurmstepd || true); do
    if ls -l "/proc/$step/fd" 2>/dev/null | grep -q " $bed/log/$1.log$"; then kill -KILL $(below "$step") 2>/dev/null || true; fi
  done
}

until_true() { # until_true SECONDS COMMAND…: else the logs, and the end
  local tenths=$(($1 * 10)); shift
  until "$@" >/dev/null 2>&1; do
    [ $((tenths -= 1)) -gt 0 ] || { tail -n 20 "$bed"/log/*.log >&2; fail "gave up: $*"; }
    sleep 0.1
  done
}
nodes_ready() { [ "$(sinfo -h -N -o %T | grep -cE '^(idle|mixed|allocated)$')" = "$(grep -c . "$bed/nodes")" ]; }

configure() {
  local major n
  mkdir -p "$bed"/{run,log,state,spool}
  for n in $(seq "$nodes"); do mkdir -p "$bed/tmp/n$n"; echo "n$n"; done > "$bed/nodes"
  (umask 277; head -c 128 /dev/urandom > "$bed/munge.key")
  # Later versions want control groups unless told otherwise; 22.05 does not know the word.
  major=$(slurmd -V | tr -dc '0-9.'); [ "${major%%.*}" -lt 23 ] || echo CgroupPlugin=disabled > "$bed/cgroup.conf"
  cat > "$SLURM_CONF" <<CONF
ClusterName=testbed
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$bed/run/munge.sock,cred_expire=5
StateSaveLocation=$bed/state
SlurmdSpoolDir=$bed/spool/%n
TmpFS=$bed/tmp/%n
SlurmctldPidFile=$bed/run/slurmctld.pid
SlurmdPidFile=$bed/run/%n.pid
SlurmctldLogFile=$bed/log/slurmctld.log
SlurmdLogFile=$bed/log/%n.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
MpiDefault=none
# A lost node is noticed within seconds, its tasks are queued again, and it may come back.
SlurmdTimeout=5
MessageTimeout=5
KillWait=2
JobRequeue=1
ReturnToService=2
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
MaxArraySize=$max_array
NodeName=n[1-$nodes] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=$cpus RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 State=UP
CONF
}

case $what in
  up)
    for program in munged slurmctld slurmd sbatch; do command -v $program >/dev/null || fail "no $program"; done
    [ -e "$SLURM_CONF" ] || configure
    { # none of them may hold this script's output open
    living munged >/dev/null || munged --force --key-file="$bed/munge.key" --socket="$bed/run/munge.sock" --num-threads=2 \
      --pid-file="$bed/run/munged.pid" --log-file="$bed/log/munged.log" --seed-file="$bed/run/munged.seed"
    living slurmctld >/dev/null || slurmctld
    for n in $(cat "$bed/nodes"); do living "$n" >/dev/null || slurmd -N "$n"; done
    } </dev/null >>"$bed/log/start.log" 2>&1
    until_true 30 scontrol ping
    until_true 30 nodes_ready
    echo "export SLURM_CONF=$SLURM_CONF" ;;
  kill-node) kill_daemon "n$node"; kill_tasks "n$node" ;;
  kill-slurmd) kill_daemon "n$node" ;;
  kill-controller) kill_daemon slurmctld ;;
  down)
    [ -e "$bed/nodes" ] || exit 0
    kill_daemon slurmctld
    for n in $(cat "$bed/nodes"); do kill_daemon "$n"; kill_tasks "$n"; done
    kill_daemon munged
    rm -rf "$bed" ;;
  *) fail "no command \`$what\`" ;;
esac
