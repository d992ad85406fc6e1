"""How does everybody see live what the exchange made durable?"""
