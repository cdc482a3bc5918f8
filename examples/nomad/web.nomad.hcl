job "web" {
  datacenters = ["dc1"]

  group "web" {
    count = 2

    task "web" {
      driver = "docker"

      config {
        image        = "nginx"
        network_mode = "dataman"

        labels {
          tier = "web"
        }
      }
    }
  }
}
