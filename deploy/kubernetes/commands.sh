# Functions for Bash: `. deploy/kubernetes/commands.sh` loads them. Examples: docs/kubernetes.md, "Commands".

# start CRONJOB ARGUMENT…: creates a Job from a CronJob of components/operator, and sets $job to its name.
start() {
  job=$1-$(date +%s)
  local arguments='' argument
  for argument in "${@:2}"; do
    arguments+=",{op: add, path: /spec/template/spec/containers/0/args/-, value: '$argument'}"
  done
  kubectl -n casino-events create job "$job" --from="cronjob/$1" --dry-run=client --output=json |
    kubectl patch --local --filename=- --type=json --patch="[${arguments#,}]" --output=json |
    kubectl -n casino-events create --filename=-
}

# run CRONJOB ARGUMENT…: starts a Job and follows its log. Until the pod starts, prints why it has not.
run() {
  start "$@" && until kubectl -n casino-events logs --follow "job/$job"; do sleep 1; done
}
