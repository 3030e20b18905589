"""ScaledObjects and HorizontalPodAutoscalers as people write them; the contract suite creates what becomes of them."""

import yaml

SCALED_OBJECT = yaml.safe_load("""
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: orders, namespace: shop, labels: {team: shop}}
spec:
  scaleTargetRef: {name: orders}
  pollingInterval: 30
  cooldownPeriod: 120
  minReplicaCount: 0
  maxReplicaCount: 40
  fallback: {failureThreshold: 3, replicas: 6}
  advanced:
    restoreToOriginalReplicaCount: true
    horizontalPodAutoscalerConfig:
      behavior:
        scaleDown:
          stabilizationWindowSeconds: 60
          policies: [{type: Percent, value: 50, periodSeconds: 30}]
  triggers:
    - type: prometheus
      metadata:
        serverAddress: http://prometheus.monitoring:9090
        query: sum(rate(http_requests_total{app="orders"}[2m]))
        threshold: "100.50"
        activationThreshold: "5.5"
    - type: cpu
      metricType: Utilization
      metadata: {value: "60"}
    - type: memory
      metricType: AverageValue
      metadata: {value: 512Mi, containerName: main}
    - type: cron
      metadata: {timezone: Europe/Berlin, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: "10"}
    - type: kafka
      metadata: {bootstrapServers: "kafka:9092", consumerGroup: orders, topic: new, lagThreshold: "50"}
    - type: rabbitmq
      metadata: {host: "amqp://rabbit", queueName: mail, mode: QueueLength, value: "20"}
    - type: redis
      metadata: {address: "redis:6379", listName: jobs, listLength: "7", databaseIndex: "2"}
""")
AUTOSCALER = yaml.safe_load("""
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: web}
  minReplicas: 2
  maxReplicas: 9
  metrics:
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}
    - type: ContainerResource
      containerResource: {name: memory, container: main, target: {type: AverageValue, averageValue: 1Gi}}
    - type: Pods
      pods: {metric: {name: packets}, target: {type: AverageValue, averageValue: 1k}}
    - type: Object
      object:
        metric: {name: requests}
        describedObject: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: main}
        target: {type: Value, value: 2k}
    - type: External
      external:
        metric:
          name: waiting
          selector:
            matchLabels: {queue: mail}
            matchExpressions: [{key: zone, operator: In, values: [a.b, c]}, {key: old, operator: DoesNotExist}]
        target: {type: AverageValue, averageValue: "30"}
  behavior:
    scaleUp: {stabilizationWindowSeconds: 30, selectPolicy: Min}
    scaleDown: {tolerance: 50m, policies: [{type: Pods, value: 1, periodSeconds: 60}]}
""")
